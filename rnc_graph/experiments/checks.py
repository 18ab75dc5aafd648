"""What can be known to go wrong before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable

from rnc_graph.data.table import Table
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import BadValueError, RncGraphError
from rnc_graph.experiments.datasets import Datasets
from rnc_graph.experiments.spec import Experiment, Method
from rnc_graph.experiments.spec.component import LossComponent
from rnc_graph.experiments.spec.similarity import check_classes
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.experiments.tasks import (
    RegressTask,
    Resources,
    Task,
    TrainingTask,
    training_sets,
)
from rnc_graph.losses import LOSSES
from rnc_graph.seeding import seeded


def check_devices(experiment: Experiment, device: str) -> None:
    """Check that each stage can be trained on the device.

    Raises:
        RncGraphError: there is no such device, or it cannot do a stage's precision.
    """
    from rnc_graph.training import check_device

    check_device(device)
    for method in experiment.methods:
        for key, stage in method.stages.items():
            if stage.precision != "32":
                try:
                    check_device(device, stage.precision)
                except RncGraphError as error:
                    raise BadValueError(f"method {method.name!r}: {key}.{error}") from error


def check_methods(experiment: Experiment, datasets: Datasets) -> None:
    """Check that each method can be run on each data set's targets and inputs.

    Raises:
        RncGraphError: one cannot; it says which.
    """
    with seeded(0):
        channels = {
            name: getattr(ENCODERS.make(name, **options), "in_channels", None)
            for name, options in experiment.encoders.items()
            if experiment.kind_of(name) == "images"
        }
    for point in experiment.grid_points():
        loaded = datasets.sets[point.data]
        found = datasets.channels(point.data)
        if channels.get(point.encoder) not in (None, found):
            raise BadValueError(
                f"encoders.{point.encoder}.in_channels: expected {found}, which the images of "
                f"{point.data!r} have, got {channels[point.encoder]}"
            )
        _check_head(loaded.table, point.method)
        _check_tail(loaded.table, experiment.splits[point.split])
        for stage in point.method.stages.values():
            if stage.objective is not None:
                _check_labels(loaded.table, stage.objective)


def check_before_training(experiment: Experiment, at: Resources, tasks: Iterable[Task]) -> None:
    """Split the data, and set up each objective once.

    Raises:
        RncGraphError: a set is too small, or an objective cannot be used with this data, encoder
            or projection.
    """
    from rnc_graph.training import TwoStage

    distinct: dict[tuple[object, ...], TrainingTask] = {}
    for task in tasks:
        if isinstance(task, TrainingTask):
            described = (
                *(str(task.stage.objective), task.encoder.name, task.stage.projection_dim),
                *(task.split.data, str(task.split.spec)),
            )
            distinct.setdefault(described, task)
    for task in distinct.values():
        data, split = task.split.load(at)
        if isinstance(task, RegressTask):
            _check_sizes(experiment, task.split.spec, len(split.validation), len(split.test))
        objective = task.stage.objective
        if objective is None:
            continue
        train, _ = training_sets(data, split)
        # The encoder first: what is wrong with it is not the objective's fault.
        encoder, options = task.encoder.source, task.encoder.options
        TwoStage(encoder, encoder_options=options, loss=None, standardize=False).build(train)
        try:
            task.model(data).build(train, task.split.seed)
        except Exception as error:
            kind = "" if isinstance(error, RncGraphError) else f"{type(error).__name__}: "
            raise BadValueError(f"objective {objective.name!r}: {kind}{error}") from error


# Those of the package that take labels for quantities whatever their options are.
_OF_QUANTITIES = ("attention-nce-labels", "regression", "rnc")


def _check_labels(table: Table, objective: LossComponent) -> None:
    """Refuse an objective that would take the numbers of classes for quantities."""
    if not table.classes:
        return
    if objective.similarity is not None:
        check_classes(objective.similarity, table.classes, table.name)
    options = objective.identity(LOSSES)
    wrong = "bins" in options and options["bins"] != "classes"
    ranked = "hierarchy" in options
    if wrong or (ranked and options["hierarchy"] is None and options["similarity"] is None):
        right = "give hierarchy or similarity" if ranked else "give bins: classes"
    elif objective.name in _OF_QUANTITIES:
        right = "take supcon, kcl or tsc with bins: classes, rince with a hierarchy, or simclr"
    else:
        return
    raise BadValueError(
        f"objective {objective.name!r}: the targets of {table.name!r} are classes, whose numbers "
        f"are no quantities; {right}"
    )


def _check_tail(table: Table, split: SplitSpec) -> None:
    if split.long_tail is not None and split.long_tail.imbalance is None and not table.classes:
        raise BadValueError(
            f"split.long_tail: expected imbalance for the continuous targets of {table.name!r}; "
            "without one the classes of a training set are taken as they are"
        )


def _check_head(table: Table, method: Method) -> None:
    regression, classes = method.regression, table.classes
    of_classes = regression.head_loss == "cross-entropy"
    if of_classes != bool(classes):
        expected = "l1, l2 or huber" if of_classes else "cross-entropy"
        what = "continuous targets" if of_classes else "classes"
        raise BadValueError(
            f"method {method.name!r}, regression.head_loss: expected {expected} for the {what} of "
            f"{table.name!r}, got {regression.head_loss!r}"
        )
    if regression.balanced and not classes:
        raise BadValueError(
            f"method {method.name!r}, regression.balanced: the targets of {table.name!r} are "
            "measured, and class-balanced batches need classes"
        )


def _check_sizes(experiment: Experiment, split: SplitSpec, validation: int, test: int) -> None:
    sections = {"representation": experiment.representation, "split.long_tail": split.long_tail}
    wanted = [key for key, section in sections.items() if section is not None]
    if wanted and min(validation, test) < 2:
        raise BadValueError(
            f"{' and '.join(wanted)}: expected 2 validation and 2 test samples or more, got "
            f"{validation} and {test}"
        )
