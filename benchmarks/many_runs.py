"""A grid of ten thousand finished runs: how long it takes to open, to tabulate and to report.

    python benchmarks/many_runs.py [--seeds 39] [--out results/benchmarks/many_runs.json]

Two data sets, ten shares of the training set and eleven methods with two baselines, on so many
seeds that 10,000 runs or more are in the store. The store is made up: every run has a record of the
right shape, with predictions off by noise. The commands are the real ones, each a process of its
own: `rnc-graph run --dry-run`; `rnc-graph run`, which finds everything done and writes the tables
and figures again; and `rnc-graph report`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from report import processor, write

from rnc_graph.experiments import read_spec
from rnc_graph.experiments.run import ExperimentSetup, setup_experiment
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import Resources, Run
from rnc_graph.metrics import regression_metrics

SPEC = """
name: many_runs
data: [esol, freesolv]
seeds: {seeds}
reference: L1
encoders:
  gin: {{hidden_dim: 64, layers: 1}}
pretraining: {{epochs: 1}}
regression: {{epochs: 1}}
grid:
  train_size: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
methods:
  - {{name: L1, pretraining: null}}
{methods}
baselines: [mean, random-forest]
"""
METHOD = "  - {{name: RnC {t}, pretraining: {{objective: {{name: rnc, temperature: {t}}}}}}}"
METHODS = "\n".join(METHOD.format(t=t) for t in range(1, 11))


def fill(setup: ExperimentSetup, store: Store) -> None:
    """Put a record of the right shape under the key of every run."""
    resources = setup.work("cpu", store).resources
    generator = torch.Generator().manual_seed(0)
    for run in setup.planned:
        if not store.has(run.task.key):
            store.put(run.task.key, *made_up(run.task, resources, generator))


def made_up(
    task: Run, at: Resources, generator: torch.Generator
) -> tuple[dict[str, object], dict[str, torch.Tensor]]:
    """Return what a run of a method with an error of 0.3 or so would have left."""
    _, split = task.split.load(at)
    targets = at.datasets[task.split.data].table.targets
    tensors: dict[str, torch.Tensor] = {}
    metrics = {}
    for part in ("validation", "test"):
        rows = getattr(split, part)
        measured = split.scaler.standardize(targets[rows.numpy()])
        noise = 0.3 * torch.randn(measured.shape, generator=generator, dtype=torch.float64)
        predicted = measured + noise.numpy()
        restored = split.scaler.restore(predicted)
        metrics[part] = {
            "standardized": regression_metrics(measured, predicted),
            "unit": regression_metrics(targets[rows.numpy()], restored),
        }
        tensors |= {f"{part}_rows": rows, f"{part}_predictions": torch.from_numpy(restored)}
    record: dict[str, object] = {"identity": task.identity, "metrics": metrics, "measures": {}}
    if task.epochs:
        epoch = {"training_loss": 0.5, "validation_mae": 0.4}
        record["history"] = [epoch] * 50
        tensors["embedding"] = torch.randn(len(split.test), 128, generator=generator)
    return record, tensors


def seconds(command: list[str], folder: Path) -> float:
    """Return how long a command takes."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "rnc_graph.cli", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=39)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/many_runs.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "many_runs.yaml"
        spec.write_text(SPEC.format(seeds=arguments.seeds, methods=METHODS))
        out = ["--out", "results/many_runs"]
        setup = setup_experiment(read_spec(spec))
        fill(setup, Store(folder / "results" / "many_runs" / "store"))
        times = {
            "dry_run": seconds(["run", str(spec), *out, "--dry-run"], folder),
            "tables": seconds(["run", str(spec), *out], folder),
            "report": seconds(["report", "results/many_runs"], folder),
        }
        page = (folder / "results" / "many_runs" / "report.html").stat().st_size
    runs = len(setup.planned)
    result = {
        "machine": processor(),
        "torch": torch.__version__,
        "runs": runs,
        "seconds": times,
        "page_mib": page / 2**20,
    }
    lines = [
        f"# A grid of {runs:,} finished runs",
        "",
        f"By `python benchmarks/many_runs.py`. {result['machine']}, torch {result['torch']}; "
        f"the page takes {result['page_mib']:.1f} MiB.",
        "",
        "| command | seconds |",
        "|---|---|",
        f"| `rnc-graph run --dry-run` | {times['dry_run']:.1f} |",
        f"| `rnc-graph run`, which writes the tables again | {times['tables']:.1f} |",
        f"| `rnc-graph report` | {times['report']:.1f} |",
    ]
    write(result, "\n".join(lines) + "\n", arguments.out)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
