"""Data of every kind from a spec to a report: own graphs, several targets, published splits."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_graph.data import load_dataset
from rnc_graph.data.catalog import dataset_cards
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec
from rnc_graph.experiments.datasets import load_datasets
from rnc_graph.experiments.own_graphs import find_local_modules
from rnc_graph.reporting.experiment_folder import draw_tables
from rnc_graph.reporting.report import write_report
from rnc_graph.reporting.tables import MEAN_OF_TARGETS
from tests.run_and_write import run_and_write
from tests.show_report import packed_data, unpack

SPEC = """
name: small
data: DATA
seeds: 2
reference: plain
encoders:
  gcn: {hidden_dim: 8, layers: 1}
pretraining: {epochs: 1, views: 2, augmentation: {drop_bonds: 0.1}}
regression: {epochs: 1}
representation: {}
methods:
  - name: plain
    pretraining: null
  - name: frozen
    regression: {freeze: true}
baselines: [mean]
"""

GRAPHS = """
import torch
from torch_geometric.data import Data

def make_dataset(count=60):
    draw = torch.Generator().manual_seed(0)
    graphs = []
    for number in range(count):
        nodes = 4 + number % 6
        ends = (torch.rand(nodes, nodes, generator=draw) < 0.5).triu(1)
        ends = ends | ends.T
        triangles = torch.trace(torch.linalg.matrix_power(ends.double(), 3)) / 6
        graphs.append(
            Data(
                x=torch.randn(nodes, 3, generator=draw),
                edge_index=ends.nonzero().T,
                y=triangles.reshape(1),
                group=number // 2,
            )
        )
    return graphs
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_own_graphs_go_from_a_spec_to_a_report(here: Path, monkeypatch: pytest.MonkeyPatch):
    (here / "triangles.py").write_text(GRAPHS)
    encoders = "  sage: {class: torch_geometric.nn.GraphSAGE, hidden_channels: 8, num_layers: 1}"
    spec = SPEC.replace("DATA", "{pyg: triangles.make_dataset, arguments: {count: 80}}")
    (here / "own.yaml").write_text(spec.replace("encoders:", f"encoders:\n{encoders}"))
    written = run_and_write(read_spec(here / "own.yaml"), here / "out")
    assert [table.name for table in written.tables] == ["make_dataset, sage", "make_dataset, gcn"]
    groups = [set(), set()]
    for run in written.outcome.runs:
        if run.method == "mean" and run.seed == 0:
            for number, part in enumerate(("validation", "test")):
                groups[number] = {row // 2 for row in run.tensors[f"{part}_rows"].tolist()}
                assert len(run.tensors[f"{part}_rows"]) == 8
    assert not groups[0] & groups[1]
    # A report imports nothing of the user's.
    (here / "triangles.py").write_text("raise SystemExit('imported')")
    monkeypatch.delitem(sys.modules, "triangles")
    write_report(here / "out")
    (samples,) = unpack(packed_data((here / "out" / "report.html").read_text()))["samples"].values()
    assert samples
    assert all(sample["label"].startswith("graph ") for sample in samples.values())
    assert "triangles" not in sys.modules


SETS = """
from triangles import make_dataset

class Dataset(list):
    def get_idx_split(self):
        return {"train": range(40), "valid": range(40, 48), "test": [50, 51, 52]}

def by_name():
    graphs = make_dataset()
    return {"train": graphs[:40], "val": graphs[40:48], "test": graphs[50:53]}

def by_index():
    return Dataset(make_dataset())

def misspelled():
    return {"train": make_dataset(4), "tset": make_dataset(2)}
"""


def test_own_graphs_come_with_a_split_or_are_divided_by_their_groups(here: Path) -> None:
    (here / "triangles.py").write_text(GRAPHS)
    (here / "sets.py").write_text(SETS)

    def divided(source: str, split: str) -> list[list[str]]:
        spec = SPEC.replace("DATA", f"{{pyg: sets.{source}}}") + f"split: {split}\n"
        (here / "own.yaml").write_text(spec)
        experiment = read_spec(here / "own.yaml")
        (table,) = load_datasets(experiment).tables.values()
        split_of = experiment.splits[""].recipe().split(table, 0)
        rows = (split_of.train, split_of.validation, split_of.test)
        return [[table.names[i] for i in own.tolist()] for own in rows]

    train, validation, test = divided("by_index", "published")
    assert (len(train), len(validation)) == (40, 8)
    assert test == ["graph 51", "graph 52", "graph 53"]
    train, validation, test = divided("by_name", "published")
    assert (len(train), len(validation)) == (40, 8)
    assert test == ["graph 49", "graph 50", "graph 51"]
    for split in ("{group: group}", "random"):
        own = [
            {(int(name.split()[1]) - 1) // 2 for name in of} for of in divided("by_index", split)
        ]
        assert sum(map(len, own)) == 30, "no group is in two sets"
    with pytest.raises(RncGraphError, match="expected the sets train, val and test, got train,"):
        divided("misspelled", "random")


def test_a_wrong_option_of_an_encoder_is_not_the_objectives_fault(here: Path):
    (here / "triangles.py").write_text(GRAPHS)
    encoders = "encoders:\n  net: {class: torch_geometric.nn.models.AttentiveFP, hidden: 3}"
    spec = SPEC.replace("DATA", "{pyg: triangles.make_dataset}")
    (here / "own.yaml").write_text(spec.replace("encoders:", encoders))
    with pytest.raises(RncGraphError, match=r"^encoder AttentiveFP: TypeError: .*'hidden'"):
        run_and_write(read_spec(here / "own.yaml"), here / "out")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.make_dataset", "data.pyg: nowhere.make_dataset: ModuleNotFoundError"),
        ("json.loads", "data.pyg: json.loads: TypeError"),
        ("string.digits", "data.pyg: string.digits: "),
        ("make_dataset", "data.0.pyg: String should match pattern"),
    ],
)
def test_graphs_that_cannot_be_made_are_told(here: Path, source: str, message: str):
    (here / "own.yaml").write_text(SPEC.replace("DATA", f"{{pyg: {source}}}"))
    with pytest.raises(RncGraphError, match=message):
        run_and_write(read_spec(here / "own.yaml"), here / "out")


@pytest.mark.slow
def test_several_targets_with_missing_values(here: Path):
    spec = SPEC.replace("DATA", "photoswitch").replace("[mean]", "[mean, svr]")
    (here / "photoswitch.yaml").write_text(spec)
    experiment = read_spec(here / "photoswitch.yaml")
    written = run_and_write(experiment, here / "out")
    names = load_dataset("photoswitch").target_names
    assert [table.target for table in written.tables] == [MEAN_OF_TARGETS, *names]
    of_mean, *of_each = written.tables
    for row in of_mean.rows:
        each = [table.score(next(r for r in table.rows if r.name == row.name)) for table in of_each]
        mean = np.mean([score.values for score in each], axis=0)
        assert of_mean.score(row).values == pytest.approx(mean)
        assert row.baseline or np.isfinite(row.further_metrics["order"].mean)
    frame = pd.read_csv(here / "out" / "predictions.csv.gz")
    table = written.outcome.tables["photoswitch"]
    first = frame[(frame["method"] == "svr") & (frame["seed"] == 0)]
    assert set(first["target"]) == set(names)
    assert first["measured"].isna().any()
    assert first["predicted"].notna().all()
    assert len(first) == 4 * round(0.1 * len(table))
    assert len(draw_tables(here / "figures", written.outcome, of_each[:1])) == 3
    write_report(here / "out")
    for name in names:
        assert f"photoswitch, gcn, {name}" in (here / "out" / "report.html").read_text()
    (here / "one.yaml").write_text(f"targets: ['{names[1]}']\n{spec}")
    one = load_datasets(read_spec(here / "one.yaml")).tables["photoswitch"]
    assert one.target_names == names[1:2]
    assert not np.isnan(one.targets).any()


def test_the_targets_of_a_spec_are_not_those_of_what_is_pretrained_on(here: Path):
    target = load_dataset("photoswitch").target_names[0]
    spec = SPEC.replace("DATA", "photoswitch").replace("epochs: 1,", "epochs: 1, data: esol,", 1)
    (here / "elsewhere.yaml").write_text(f"targets: ['{target}']\n{spec}")
    found = load_datasets(read_spec(here / "elsewhere.yaml"))
    assert found.sets["photoswitch"].table.target_names == [target]
    assert (
        found.sources["esol", "photoswitch"].table.target_names == load_dataset("esol").target_names
    )


def test_own_modules_are_found_after_installed_ones(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(here))])
    find_local_modules()
    assert sys.path.index(str(here)) == len(sys.path) - 1


@pytest.mark.slow
def test_a_published_split(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RNC_GRAPH_DATA", str(here / "data"))
    name = "moleculeace/CHEMBL204_Ki"
    card = dataset_cards()[name].model_copy(update={"rows": 40})
    monkeypatch.setitem(dataset_cards(), name, card)
    path = here / "data" / "moleculeace" / "CHEMBL204_Ki.csv"
    path.parent.mkdir(parents=True)
    lines = [
        f"{'C' * (1 + n)}O,1.0,{n / 7 % 3},{n % 4 // 3},{'test' if n % 5 == 0 else 'train'}"
        for n in range(40)
    ]
    path.write_text("\n".join(["smiles,exp_mean [nM],y,cliff_mol,split", *lines]) + "\n")
    spec = SPEC.replace("DATA", "moleculeace/CHEMBL204_Ki")
    (here / "ace.yaml").write_text(f"split: published\n{spec}")
    written = run_and_write(read_spec(here / "ace.yaml"), here / "out")
    for run in written.outcome.runs:
        assert sorted(run.tensors["test_rows"].tolist()) == list(range(0, 40, 5))
        assert len(run.tensors["validation_rows"]) == 4
    drawn = {tuple(run.tensors["validation_rows"].tolist()) for run in written.outcome.runs}
    assert len(drawn) == 2, "one for each seed"
    write_report(here / "out")
    assert "the split that the data came with" in (here / "out" / "table.md").read_text()
