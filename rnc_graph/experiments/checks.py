"""What can be known to go wrong before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable

from rnc_graph.data import MoleculeData
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.sections import Stage
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.tasks import (
    BaselineTask,
    PretrainTask,
    RegressTask,
    Task,
    prepared_objective,
)


def check_before_training(
    experiment: Experiment, data: MoleculeData, tasks: Iterable[Task]
) -> None:
    """Split the data, and prepare each objective once.

    Raises:
        RncGraphError: a part is too small, or an objective cannot be used with this data, encoder
            or projection.
    """
    objectives: dict[tuple[str, str, int | None], tuple[PretrainTask | RegressTask, Stage]] = {}
    for task in tasks:
        if not isinstance(task, BaselineTask):
            stage = task.pretraining if isinstance(task, PretrainTask) else task.regression
            described = str(stage.objective), task.encoder.name, stage.projection_dim
            objectives.setdefault(described, (task, stage))
    for task, stage in objectives.values():
        split = task.cell.split(data)
        _check_sizes(experiment, len(split.validation), len(split.test))
        if stage.objective is None:
            continue
        try:
            prepared_objective(stage, split, task.encoder.make(ENCODERS), task.cell.seed)
        except Exception as error:
            kind = "" if isinstance(error, RncGraphError) else f"{type(error).__name__}: "
            raise RncGraphError(f"objective {stage.objective.name!r}: {kind}{error}") from error


def _check_sizes(experiment: Experiment, validation: int, test: int) -> None:
    wanted = [
        key
        for key, given in (
            ("representation", experiment.representation),
            ("split.long_tail", experiment.split.long_tail),
        )
        if given is not None
    ]
    if wanted and min(validation, test) < 2:
        raise RncGraphError(
            f"{' and '.join(wanted)}: found {validation} validation and {test} test molecules, "
            "each part needs 2 or more"
        )
