"""Every shipped grid runs, made small."""

from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

from rnc_graph.experiments import ExecutionConfig, example_spec, read_spec
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.quick import quick
from rnc_graph.reporting.experiment_folder import draw_tables
from tests.run_and_write import run_and_write

# One value of each kind on the axes of the split; all encoders, and two seeds of one, in the first
# alone.
GRIDS = {
    "esol": slice(None),
    "freeze_vs_finetune": slice(None),
    "data_efficiency": slice(None, None, 5),
    "robustness": slice(None, None, 3),
    "unseen_targets": slice(None, None, 2),
    "transfer": slice(None),
    "ablation": slice(None),
    "hard_splits": slice(None),
    "long_tail": slice(None),
    "objectives": slice(None),
    "temperature": slice(None),
    "variants": slice(None),
}


def test_quick_is_never_more() -> None:
    experiment = read_spec(example_spec("esol"), seeds="1")
    (method, *_) = experiment.methods
    less = method.model_copy(
        update={"regression": method.regression.model_copy(update={"epochs": 1})}
    )
    made = quick(experiment.model_copy(update={"samples": 60, "methods": [less]}))
    assert (made.samples, made.methods[0].regression.epochs) == (60, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_made_quick(tmp_path: Path, name: str):
    seeds = "gin=2,mpnn=1,gcn=1,gin-moses=1" if name == "esol" else "1"
    experiment = quick(read_spec(example_spec(name), seeds=seeds))
    # An encoder with weights has no width to choose.
    narrow = {
        name: options and {**options, "hidden_dim": 8}
        for name, options in experiment.encoders.items()
    }
    encoders = narrow if name == "esol" else dict(islice(narrow.items(), 1))
    splits = dict([*experiment.splits.items()][GRIDS[name]])
    experiment = experiment.model_copy(update={"encoders": encoders, "splits": splits})
    _runs(experiment, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("MoleculeACE") is None, reason="MoleculeACE is not installed")
def test_two_of_many_sets_made_quick(tmp_path: Path):
    experiment = quick(read_spec(example_spec("many_sets"), seeds="1"))
    chosen = ["esol", "moleculeace/CHEMBL2047_EC50"]
    assert set(chosen) <= set(experiment.data)
    _runs(experiment.model_copy(update={"data": chosen}), tmp_path)


def _runs(experiment: Experiment, tmp_path: Path) -> None:
    outcome = run_and_write(experiment, tmp_path / "out", execution=ExecutionConfig(jobs=2))
    assert draw_tables(tmp_path / "figures", outcome.outcome, outcome.tables[:1])
    expected: dict[tuple[str, str, str], set[str]] = {}
    for point in experiment.grid_points():
        encoder = "" if experiment.one_table else point.encoder
        expected.setdefault((point.data, point.split, encoder), set()).add(point.method.name)
    assert len(outcome.tables) == len(expected)
    for table in outcome.tables:
        methods = {row.name for row in table.rows if not row.baseline}
        assert methods == expected[table.data, table.split, table.encoder]
        if experiment.splits[table.split].unseen:
            assert all("mae_unseen" in row.further_metrics for row in table.rows)
    assert all(len(table) == 150 for table in outcome.outcome.tables.values())
