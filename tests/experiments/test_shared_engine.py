"""Runs that two processes share."""

from pathlib import Path

import numpy as np
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig
from tests.run_and_write import run_and_write


@pytest.mark.slow
def test_two_processes_come_to_the_metrics_of_one(folder: Path, experiment):
    """Without views, which each process would draw for itself."""
    methods = [
        method.model_copy(
            update={
                "pretraining": method.pretraining
                and method.pretraining.model_copy(update={"augmentation": {}})
            }
        )
        for method in experiment.methods[:3]
    ]
    one_seed = experiment.model_copy(update={"methods": methods, "seeds": {"gcn": [0]}})
    one = run_and_write(one_seed, folder / "one")
    two = run_and_write(one_seed, folder / "two", execution=ExecutionConfig(processes=2))
    key = ("test", "standardized", "rmse")
    for alone, shared in zip(one.tables[0].rows, two.tables[0].rows, strict=True):
        np.testing.assert_allclose(
            shared.summaries[key].mean, alone.summaries[key].mean, rtol=1e-2, err_msg=alone.name
        )
    assert not list((folder / "two" / "store" / ".checkpoints").glob("*"))


@pytest.mark.slow
def test_a_failing_task_ends_it_with_its_reason(folder: Path, experiment):
    regression = experiment.methods[0].regression.model_copy(
        update={"learning_rate": 1e12, "optimizer": "sgd"}
    )
    wild = experiment.methods[0].model_copy(update={"regression": regression})
    only = experiment.model_copy(update={"methods": [wild]})
    with pytest.raises(RncGraphError, match=r"plain, gcn, seed 0: .*diverged"):
        run_and_write(only, folder / "out", execution=ExecutionConfig(processes=2))
