"""What can be known to go wrong before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable

from rnc_graph.data.images import PackedImages
from rnc_graph.data.samples import Samples
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.cell import Resources
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sections import Part, SplitSpec, Stage
from rnc_graph.experiments.tasks import (
    BaselineTask,
    PretrainTask,
    RegressTask,
    Task,
    prepared_objective,
)
from rnc_graph.objectives import OBJECTIVES
from rnc_graph.training import check_device


def check_devices(experiment: Experiment, device: str) -> None:
    """Check that each stage can be trained on the device.

    Raises:
        RncGraphError: there is no such device, or it cannot do a stage's precision.
    """
    check_device(device)
    for method in experiment.methods:
        for key, stage in (("pretraining", method.pretraining), ("regression", method.regression)):
            if stage is not None and stage.precision != "32":
                try:
                    check_device(device, stage.precision)
                except RncGraphError as error:
                    raise RncGraphError(f"method {method.name!r}: {key}.{error}") from error


def check_before_training(experiment: Experiment, at: Resources, tasks: Iterable[Task]) -> None:
    """Split the data, and prepare each objective once.

    Raises:
        RncGraphError: a part is too small, or an objective cannot be used with this data, encoder
            or projection.
    """
    distinct: dict[tuple[object, ...], tuple[PretrainTask | RegressTask, Stage]] = {}
    for task in tasks:
        if not isinstance(task, BaselineTask):
            stage = task.pretraining if isinstance(task, PretrainTask) else task.regression
            described = (
                *(str(stage.objective), task.encoder.name, stage.projection_dim),
                *(task.cell.data, str(task.cell.split)),
            )
            distinct.setdefault(described, (task, stage))
    for task, stage in distinct.values():
        split = task.cell.prepared(at)
        _check_channels(at.datasets[task.cell.data], task.encoder)
        _check_labels(at.datasets[task.cell.data], stage)
        if isinstance(task, RegressTask):
            _check_head(at.datasets[task.cell.data], task)
        if isinstance(task, RegressTask):
            _check_sizes(experiment, task.cell.split, len(split.validation), len(split.test))
        if stage.objective is None:
            continue
        try:
            prepared_objective(stage, split, task.encoder.make(ENCODERS), task.cell.seed)
        except Exception as error:
            kind = "" if isinstance(error, RncGraphError) else f"{type(error).__name__}: "
            raise RncGraphError(f"objective {stage.objective.name!r}: {kind}{error}") from error


def _check_labels(data: Samples, stage: Stage) -> None:
    """Refuse an objective that would take the numbers of classes for quantities."""
    if data.classes is None or stage.objective is None:
        return
    options = stage.objective.identity(OBJECTIVES)
    wrong = "bins" in options and options["bins"] != "classes"
    ranked = "hierarchy" in options
    if wrong or (ranked and options["hierarchy"] is None and options["similarity"] is None):
        right = "hierarchy or similarity" if ranked else "bins: classes"
        raise RncGraphError(
            f"objective {stage.objective.name!r}: the targets of {data.table.name!r} are classes, "
            f"whose numbers are no quantities; give {right}"
        )


def _check_head(data: Samples, task: RegressTask) -> None:
    regression = task.regression
    of_classes = regression.head_loss == "cross-entropy"
    if of_classes != (data.classes is not None):
        right = "l1, l2 or huber" if of_classes else "cross-entropy"
        what = "measured" if of_classes else "classes"
        raise RncGraphError(
            f"method {task.row!r}, regression.head_loss: found {regression.head_loss!r}, and the "
            f"targets of {data.table.name!r} are {what}; right is {right}"
        )
    if regression.balanced and data.classes is None:
        raise RncGraphError(
            f"method {task.row!r}, regression.balanced: the targets of {data.table.name!r} are "
            "measured, and only classes can be drawn alike"
        )


def _check_channels(data: Samples, encoder: Part) -> None:
    if isinstance(data.inputs, PackedImages):
        channels, wanted = (
            data.inputs.shape[0],
            getattr(encoder.make(ENCODERS), "in_channels", None),
        )
        if wanted not in (None, channels):
            raise RncGraphError(
                f"encoders.{encoder.name}.in_channels: found {wanted}, and the images of "
                f"{data.table.name!r} have {channels}"
            )


def _check_sizes(experiment: Experiment, split: SplitSpec, validation: int, test: int) -> None:
    wanted = [
        key
        for key, given in (
            ("representation", experiment.representation),
            ("split.long_tail", split.long_tail),
        )
        if given is not None
    ]
    if wanted and min(validation, test) < 2:
        raise RncGraphError(
            f"{' and '.join(wanted)}: found {validation} validation and {test} test samples, "
            "each part needs 2 or more"
        )
