"""What the tests share."""

import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from rnc_graph.data import GraphDataset, MoleculeTable, load_dataset
from rnc_graph.data.features import featurize
from rnc_graph.experiments import Experiment, read_spec
from rnc_graph.registry import Registry, remove_parts

# What an installed wheel does not come with is tested in a checkout alone.
_IN_CHECKOUT = (Path(__file__).parent.parent / "pyproject.toml").is_file()
_OF_CHECKOUT = ("benchmarks", "day", "docs", "docs_serving", "notebooks", "package", "readme")
collect_ignore = [] if _IN_CHECKOUT else [f"test_{name}.py" for name in _OF_CHECKOUT]

# One thread in this process, and in those that it starts: each core has a worker.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

# The same examples on every machine; no deadline, since a busy machine is no bug.
settings.register_profile("rnc_graph", deadline=None, derandomize=True)
settings.load_profile("rnc_graph")


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNC_GRAPH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _no_own_parts_stay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the parts and the modules that a test wrote, so that no test sees another's."""
    yield
    owners = {owner for registry in Registry.every for owner in registry.owners.values()} - {""}
    for owner in owners:
        remove_parts(owner)
        del sys.modules[owner]
    written_by_tests = str(tmp_path_factory.getbasetemp())
    for name, module in sys.modules.copy().items():
        if (getattr(module, "__file__", None) or "").startswith(written_by_tests):
            del sys.modules[name]


@pytest.fixture(scope="session")
def esol() -> MoleculeTable:
    return load_dataset("esol")


@pytest.fixture(scope="session")
def esol_graphs(esol: MoleculeTable) -> GraphDataset:
    graphs, bad = featurize(esol.smiles)
    assert not bad
    return graphs


# One pretrained, frozen, joint and plain row each, in seconds.
SPEC = """
name: small
data: {path: molecules.csv, smiles: smiles, targets: [logS], unit: log mol/L}
seeds: 2
reference: plain
encoders:
  gcn: {hidden_dim: 8, layers: 1}
pretraining:
  epochs: 2
  views: 2
  augmentation: {mask_attributes: 0.1}
regression:
  epochs: 3
methods:
  - name: plain
    pretraining: null
  - name: frozen
    regression: {freeze: true}
  - name: tuned
  - name: joint
    pretraining: null
    regression: {objective: {name: rnc}, objective_weight: 0.5, views: 2}
baselines: [mean]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with sixty molecules and a spec for them."""
    table = load_dataset("esol")
    rows = [f"{s},{y}" for s, y in zip(table.smiles[:60], table.targets[:60, 0], strict=True)]
    (tmp_path / "molecules.csv").write_text("\n".join(["smiles,logS", *rows]) + "\n")
    (tmp_path / "small.yaml").write_text(textwrap.dedent(SPEC))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def experiment(folder: Path) -> Experiment:
    return read_spec(folder / "small.yaml")
