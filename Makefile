# Everything needed beforehand: Python 3.10 or newer, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
STAMP := $(VENV)/.installed-test
DOCS_VENV := .venv-docs
SEEDS ?= 3
OUT ?= results/local/esol

# A crashed worker ends the suite with its test's name, in place of waiting for it. Files run in the
# order of collection: the short ones come last, and no worker is left with a long one.
PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder --max-worker-restart=0

# Compiled modules are kept, whatever the shell says: the tests start many processes, each of which
# would compile PyTorch and all the rest anew, twice as long as importing them takes.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: esol test test-fast lint docs results benchmarks

# Reproduce the ESOL table.
esol: $(INSTALLED)
	$(BIN)/rnc-graph reproduce esol --seeds $(SEEDS) --out $(OUT)

# The whole test suite, the slow tests included.
test: $(STAMP)
	$(BIN)/python -m pytest $(PARALLEL)

# Without the slow tests.
test-fast: $(STAMP)
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, in site/: its pages open without a server. Sources are read and not imported, so that
# building needs neither the package nor torch. The theme's notice of its successor is no warning.
docs: $(DOCS_VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict

# What is committed under results/; hours, not minutes.
results: $(STAMP)
	$(BIN)/rnc-graph run experiments/ablation.yaml --out results/ablation
	$(BIN)/rnc-graph reproduce esol --encoder all --seeds 10 --out results/esol
	$(BIN)/rnc-graph run experiments/temperature.yaml --out results/temperature
	$(BIN)/rnc-graph run experiments/variants.yaml --out results/variants
	$(BIN)/rnc-graph run experiments/objectives.yaml --out results/objectives
	$(BIN)/rnc-graph run experiments/long_tail.yaml --out results/long_tail
	$(BIN)/rnc-graph run experiments/freeze_vs_finetune.yaml --encoder gin --out results/freeze_vs_finetune
	$(BIN)/rnc-graph run experiments/data_efficiency.yaml --out results/data_efficiency
	$(BIN)/rnc-graph run experiments/unseen_targets.yaml --out results/unseen_targets
	$(BIN)/rnc-graph run experiments/many_sets.yaml --out results/many_sets
	$(BIN)/rnc-graph run experiments/hard_splits.yaml --out results/hard_splits
	$(BIN)/rnc-graph run experiments/robustness.yaml --out results/robustness
	$(BIN)/rnc-graph run experiments/depictions.yaml --out results/depictions
	$(BIN)/rnc-graph run experiments/fashion_long_tail.yaml --out results/fashion_long_tail
	$(BIN)/rnc-graph run experiments/fashion_hierarchy.yaml --out results/fashion_hierarchy
	$(BIN)/rnc-graph run experiments/fashion_views.yaml --out results/fashion_views
	$(BIN)/rnc-graph report results/depictions
	$(BIN)/rnc-graph report results/fashion_hierarchy
	$(BIN)/rnc-graph report results/freeze_vs_finetune
	$(BIN)/rnc-graph report results/data_efficiency
	$(BIN)/rnc-graph report results/unseen_targets
	$(BIN)/rnc-graph report results/many_sets
	$(BIN)/rnc-graph report results/hard_splits
	$(BIN)/rnc-graph report results/robustness

benchmarks: $(STAMP)
	$(BIN)/python benchmarks/rnc_loss.py
	$(BIN)/python benchmarks/losses.py
	$(BIN)/python benchmarks/gpu.py
	$(BIN)/python benchmarks/loader.py
	$(BIN)/python benchmarks/featurize.py
	$(BIN)/python benchmarks/prediction.py
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/day.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/model.py
	$(BIN)/python benchmarks/executor.py
	$(BIN)/python benchmarks/many_runs.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/images.py
	$(BIN)/python benchmarks/few_labels.py
	$(BIN)/python benchmarks/explain.py
	$(BIN)/python benchmarks/retrieval.py
	$(BIN)/python benchmarks/censored.py

# The constraints make installations repeatable: without them, the newest of everything. Modules are
# compiled as they are imported, which most of them never are. The ESOL table needs no extras.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed" if sys.version_info < (3, 10) else 0)'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(INSTALL) .
	touch $@

$(STAMP): $(INSTALLED)
	$(INSTALL) '.[test]'
	touch $@

$(DOCS_VENV)/.installed: pyproject.toml constraints.txt
	test -d $(DOCS_VENV) || $(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --upgrade pip
	$(DOCS_VENV)/bin/python -m pip install --quiet --constraint constraints.txt --group docs
	touch $@
