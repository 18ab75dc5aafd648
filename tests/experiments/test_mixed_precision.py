"""Mixed precision, asked for in a spec."""

import json
import math
from pathlib import Path

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec
from tests.run_and_write import run_and_write


def asking_for(folder: Path, precision: str) -> Path:
    """Write the small spec with another precision in both stages."""
    text = (folder / "small.yaml").read_text()
    for stage in ("pretraining:\n", "regression:\n"):
        text = text.replace(f"\n{stage}", f"\n{stage}  precision: {precision}\n")
    path = folder / f"{precision}.yaml"
    path.write_text(text)
    return path


@pytest.mark.slow
def test_both_stages_are_trained_in_it(folder: Path):
    experiment = read_spec(asking_for(folder, "bf16-mixed"))
    one = {"methods": experiment.methods[:3:2], "seeds": {"gcn": [0]}, "baselines": []}
    run_and_write(experiment.model_copy(update=one), folder / "out")
    records = {
        path.parent.name.partition("-")[0]: json.loads(path.read_text())
        for path in (folder / "out" / "store").glob("*/record.json")
        if json.loads(path.read_text())["identity"]["pretraining"]
    }
    stage1, run = records["stage1"]["identity"], records["run"]["identity"]
    assert stage1["pretraining"]["precision"] == "bf16-mixed"
    assert run["regression"]["precision"] == "bf16-mixed"
    assert run["pretraining"]["pretraining"]["precision"] == "bf16-mixed"
    errors = records["run"]["metrics"]["test"]["standardized"]
    assert all(math.isfinite(value) for value in errors.values())


def test_what_the_device_cannot_do_is_told_before_anything_is_trained(folder: Path):
    experiment = read_spec(asking_for(folder, "16-mixed"))
    with pytest.raises(
        RncGraphError,
        match=r"method 'plain': regression\.precision: expected 'bf16-mixed' or '32' on",
    ):
        run_and_write(experiment, folder / "out")
    assert not (folder / "out").exists()
