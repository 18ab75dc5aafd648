"""References of their own, ranks, measures of the embedding, and long tails, in one small run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from rnc_graph.data import load_dataset, without
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import Experiment, read_spec
from rnc_graph.experiments.datasets import load_datasets
from rnc_graph.experiments.results import FinishedRun, Outcome
from rnc_graph.experiments.store import Store
from rnc_graph.metrics import DISPLAY, REGRESSION
from rnc_graph.reporting.tables import ResultTable, tabulate
from rnc_graph.reporting.text_tables import as_markdown
from tests.run_and_write import run_and_write

MORE = """
ranked: true
representation: {ood: esol, tolerance: 0.5}
split:
  train: 0.5
  validation: 0.2
  test: 0.3
  long_tail: {imbalance: 4, bins: 3, tail: low, many: 8, few: 4}
"""
CONTINUOUS = list(DISPLAY)[: list(DISPLAY).index("accuracy")]  # Those of classes follow.
EMBEDDING = [name for name in CONTINUOUS if "mae" not in name or name in ("probe_mae", "knn_mae")]
EMBEDDING = [name for name in EMBEDDING if name != "gmean" and not name.endswith("seen")]


def _spec(folder: Path) -> Experiment:
    text = (folder / "small.yaml").read_text() + MORE
    text = text.replace(
        "  - name: tuned", "  - name: joint too\n    reference: frozen\n  - name: tuned"
    )
    (folder / "more.yaml").write_text(text)
    return read_spec(folder / "more.yaml")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory):
    """Run once; return a function from the working folder to the results."""
    out = tmp_path_factory.mktemp("measured")
    tables: list[ResultTable] = []

    def run(experiment: Experiment):
        tables.extend([] if tables else run_and_write(experiment, out, figures=True).tables)
        return out, tables[0]

    return run


@pytest.mark.slow
def test_measures_stand_in_every_form_of_the_table(folder: Path, results) -> None:
    out, table = results(_spec(folder))
    rows = json.loads((out / "table.json").read_text())["tables"][0]["rows"]
    assert set(EMBEDDING) <= set(rows["plain"]["measures"])
    assert not set(EMBEDDING) & set(rows["mean"]["measures"])
    assert {"balanced_mae", "gmean"} <= set(rows["mean"]["measures"])
    frame = pd.read_csv(out / "table.csv")
    markdown = (out / "table.md").read_text()
    for name in ("probe_rmse", "order", "precision_10", "label_error_1", "alignment", "mae_few"):
        assert f"| {DISPLAY[name].title} |" in markdown
    for row in table.rows:
        for name, summary in row.further_metrics.items():
            (own,) = frame[(frame["method"] == row.name) & (frame["metric"] == name)]["mean"]
            assert own == pytest.approx(summary.mean)
            assert all(np.isfinite(summary.values))


@pytest.mark.slow
def test_each_row_is_compared_with_its_own_reference(folder: Path, results) -> None:
    _, table = results(_spec(folder))
    rows = {row.name: row for row in table.rows}
    references = {name: row.reference for name, row in rows.items()}
    assert references == {
        "plain": "plain",
        "frozen": "frozen",
        "joint too": "frozen",
        "tuned": "plain",
        "joint": "plain",
        "mean": "plain",
    }
    key = ("test", "standardized", "rmse")
    own, other = rows["joint too"].summaries[key].mean, rows["frozen"].summaries[key].mean
    assert rows["joint too"].differences["rmse"].mean == pytest.approx(own - other)
    own, other = (rows[name].further_metrics["order"].mean for name in ("joint too", "frozen"))
    assert rows["joint too"].further_differences["order"].mean == pytest.approx(own - other)
    for name in ("plain", "frozen"):
        assert not rows[name].differences
        assert not rows[name].further_differences


@pytest.mark.slow
def test_rows_are_sorted_by_error_and_ranked_seed_by_seed(folder: Path, results) -> None:
    _, table = results(_spec(folder))
    key = ("test", "standardized", "rmse")
    methods = [row for row in table.rows if not row.baseline]
    errors = [row.summaries[key].mean for row in methods]
    assert errors == sorted(errors)
    assert table.rows[-1].name == "mean"
    by_seed = np.array([row.summaries[key].values for row in table.rows])
    for number, row in enumerate(table.rows):
        places = (
            1 + (by_seed < by_seed[number]).sum(0) + ((by_seed == by_seed[number]).sum(0) - 1) / 2
        )
        assert row.rank == pytest.approx(places.mean())


@pytest.mark.slow
def test_the_training_part_alone_is_thinned(folder: Path, results) -> None:
    out, table = results(_spec(folder))
    records = [
        json.loads((entry / "record.json").read_text())
        for entry in sorted((out / "store").glob("run-*"))
    ]
    assert all(record["identity"]["split"]["long_tail"]["imbalance"] == 4 for record in records)
    for entry in (out / "store").glob("run-*"):
        tensors = load_file(entry / "tensors.safetensors")
        assert len(tensors["test_rows"]) == 18
        assert len(tensors["validation_rows"]) == 12
    # Bins of ten, of which 10, 5 and 2 or 3 stay: many, medium and few.
    for row in table.rows:
        assert {"mae_many", "mae_medium", "mae_few"} <= set(row.further_metrics)


@pytest.mark.parametrize("figure", ["differences", "regions"])
def test_the_figures_are_drawn(folder: Path, results, figure: str) -> None:
    out, _ = results(_spec(folder))
    assert (out / f"{figure}_gcn.png").stat().st_size > 10_000


def test_molecules_of_the_data_set_are_not_out_of_distribution(folder: Path) -> None:
    esol = load_dataset("esol")
    ood = without(esol.smiles, esol.smiles[:60])
    assert 1000 < len(ood) < 1128 - 50
    assert not set(ood) & set(esol.smiles[:60])
    # The same molecule, written in another way.
    assert without(["C1=CC=CC=C1", "CC"], ["c1ccccc1"]) == ["CC"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "reference: frozen",
            "reference: frosen",
            "methods.2.reference: 'frosen' is none of",
        ),
        ("ood: esol", "ood: moon", "unknown data set 'moon'; known: "),
        ("tolerance: 0.5", "tolerance: -1", "tolerance"),
        ("imbalance: 4", "imbalance: 1", "imbalance"),
        ("many: 8", "many: 3", "few must not be greater than many"),
        ("tail: low", "tail: left", "tail"),
    ],
)
def test_mistakes_are_told(folder: Path, old: str, new: str, message: str) -> None:
    _spec(folder)
    text = (folder / "more.yaml").read_text()
    assert old in text
    (folder / "more.yaml").write_text(text.replace(old, new))
    with pytest.raises(RncGraphError, match=message):
        read_spec(folder / "more.yaml")


def test_too_few_views_for_an_objective_are_refused(folder: Path) -> None:
    text = (folder / "small.yaml").read_text()
    text = text.replace(
        "epochs: 2\n  views: 2", "epochs: 2\n  objective: {name: attention-nce}\n  views: 2"
    )
    (folder / "views.yaml").write_text(text)
    with pytest.raises(RncGraphError, match="objective 'attention-nce' needs views of at least 3"):
        read_spec(folder / "views.yaml")


def _run(folder: Path, old: str, new: str) -> None:
    _spec(folder)
    text = (folder / "more.yaml").read_text()
    assert old in text
    (folder / "more.yaml").write_text(text.replace(old, new))
    run_and_write(read_spec(folder / "more.yaml"), folder / "out")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  views: 2\n",
            "  views: 2\n  projection_dim: 4\n  objective: {name: tsc, targets: ordered}\n",
            "objective 'tsc': 10 ordered targets take d >= C - 1 = 9 dimensions, got 4",
        ),
        (
            "validation: 0.2\n  test: 0.3",
            "validation: 0.49\n  test: 0.01",
            "2 test samples or more, got 29 and 1",
        ),
    ],
)
def test_what_can_be_known_before_training_is_told_before(
    folder: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(RncGraphError, match=message):
        _run(folder, old, new)
    assert not list((folder / "out").glob("store/*-*"))


def test_a_set_without_out_of_distribution_molecules_is_refused(folder: Path) -> None:
    text = (folder / "small.yaml").read_text() + "representation: {ood: esol}\n"
    text = text.replace(
        "{path: molecules.csv, smiles: smiles, targets: [logS], unit: log mol/L}", "esol"
    )
    (folder / "all.yaml").write_text(text)
    with pytest.raises(RncGraphError, match=r"representation\.ood: 'esol' has 0 molecules that"):
        run_and_write(read_spec(folder / "all.yaml"), folder / "out")


def test_a_reference_may_be_compared_with_another(folder: Path) -> None:
    text = (
        (folder / "small.yaml")
        .read_text()
        .replace("  - name: tuned", "  - name: tuned\n    reference: frozen")
    )
    text = text.replace("  - name: frozen", "  - name: frozen\n    reference: plain")
    (folder / "own.yaml").write_text(text)
    experiment = read_spec(folder / "own.yaml")
    rows = {name: experiment.reference_of(name) for name in ("plain", "frozen", "tuned", "joint")}
    assert rows == {"plain": "plain", "frozen": "plain", "tuned": "frozen", "joint": "plain"}


def test_a_measure_that_some_seeds_lack_is_of_the_others(folder: Path) -> None:
    experiment = _spec(folder)
    records = {
        (row, seed): {
            "metrics": {
                part: {s: {"mae": 1.0, "rmse": 1.0 + seed, "mse": 1.0} for s in REGRESSION.scales}
                for part in ("validation", "test")
            },
            "measures": {"mae_many": float(len(row) + seed)} if seed else {},
        }
        for row in ("plain", "frozen", "joint too", "tuned", "joint", "mean")
        for seed in (0, 1)
    }
    runs = [
        FinishedRun(
            "molecules", "", "" if row == "mean" else "gcn", row, seed, "", None, record, {}
        )
        for (row, seed), record in records.items()
    ]
    outcome = Outcome(experiment, load_datasets(experiment), runs, Store(folder))
    (table,) = tabulate(outcome)
    rows = {row.name: row for row in table.rows}
    assert rows["tuned"].further_metrics["mae_many"].values == (6.0,)
    assert rows["tuned"].further_differences["mae_many"].mean == 0.0
    assert rows["frozen"].further_metrics["mae_many"].values == (7.0,)
    assert "| 6.000 (1 seed) |" in as_markdown(outcome, [table], "test")
