"""Loggers by name: they are told of epochs, and change nothing."""

import json
from pathlib import Path

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec, run_experiment


def test_tensorboard_hears_of_each_epoch_and_nothing_changes(folder: Path, experiment):
    (folder / "told.yaml").write_text(
        (folder / "small.yaml").read_text() + "tracking: [tensorboard]\n"
    )
    told = read_spec(folder / "told.yaml")
    one = {"methods": experiment.methods[:3:2], "seeds": {"gcn": [0]}, "baselines": []}
    for name, spec in (("silent", experiment), ("told", told)):
        run_experiment(spec.model_copy(update=one), folder / name, command="test")
    tables = [
        json.loads((folder / name / "table.json").read_text())["tables"]
        for name in ("silent", "told")
    ]
    assert tables[0] == tables[1]
    assert not (folder / "silent" / "tracking").exists()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (stage1,) = (folder / "told" / "tracking" / "tensorboard").glob("stage1-*")
    events = EventAccumulator(str(stage1))
    events.Reload()
    assert len(events.Scalars("training_objective")) == 2
    assert len(events.Scalars("validation_mae")) == 2


def test_an_unknown_one_is_told(folder: Path):
    (folder / "told.yaml").write_text(
        (folder / "small.yaml").read_text() + "tracking: {teletype: {}}\n"
    )
    with pytest.raises(RncGraphError, match="tensorboard"):
        read_spec(folder / "told.yaml")
