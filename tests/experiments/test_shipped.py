"""Every shipped grid runs, made small."""

from itertools import islice
from pathlib import Path

import pytest

from rnc_graph.experiments import ExecutionConfig, read_spec, shipped_spec
from rnc_graph.experiments.spec.quick import quick
from rnc_graph.reporting.experiment_folder import draw_tables
from tests.run_and_write import run_and_write

# One value of each kind on the axes of the split; all encoders, and two seeds, in the first alone.
GRIDS = {
    "esol": slice(None),
    "freeze_vs_finetune": slice(None),
    "data_efficiency": slice(None, None, 5),
    "robustness": slice(None, None, 3),
    "unseen_targets": slice(None, None, 2),
    "transfer": slice(None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_made_quick(tmp_path: Path, name: str):
    experiment = quick(read_spec(shipped_spec(name), seeds="2" if name == "esol" else "1"))
    narrow = {name: {**options, "hidden_dim": 8} for name, options in experiment.encoders.items()}
    encoders = narrow if name == "esol" else dict(islice(narrow.items(), 1))
    splits = dict([*experiment.splits.items()][GRIDS[name]])
    experiment = experiment.model_copy(update={"encoders": encoders, "splits": splits})
    outcome = run_and_write(experiment, tmp_path / "out", execution=ExecutionConfig(jobs=2))
    assert draw_tables(tmp_path / "figures", outcome.outcome, outcome.tables[:1])
    conditions = {point.condition for point in experiment.grid_points()}
    assert len(outcome.tables) == len(conditions)
    for table in outcome.tables:
        methods = {row.name for row in table.rows if not row.baseline}
        assert methods == {method.name for method in experiment.methods}
        if experiment.splits[table.split].unseen:
            assert all("mae_unseen" in row.further_metrics for row in table.rows)
    assert all(len(table) == 150 for table in outcome.outcome.samples.values())
