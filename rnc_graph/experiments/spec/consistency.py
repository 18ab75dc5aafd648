"""Checks of an experiment whose keys are right one by one: do they fit together?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnc_graph.data.catalog import dataset_card
from rnc_graph.data.inputs import ImageSource, augmented_kind
from rnc_graph.encoders.pretrained import WITH_WEIGHTS
from rnc_graph.errors import MisfitError, RncGraphError
from rnc_graph.experiments.baselines import check_baselines
from rnc_graph.experiments.spec.component import AxisValue, may_have_weights
from rnc_graph.experiments.spec.method import Condition
from rnc_graph.experiments.spec.sources import source_kind, source_name

if TYPE_CHECKING:
    from rnc_graph.experiments.spec.experiment import Experiment

_MOST_RUNS = 200_000


def check_consistency(experiment: Experiment) -> None:
    """Check that the sections of an experiment fit together.

    Raises:
        MisfitError: they do not; it says where.
    """
    for check in (
        _size,
        _names,
        _splits,
        _sources,
        _inputs,
        _frozen,
        _one_table,
        _conditions,
        _references,
        _search,
    ):
        check(experiment)


def _size(experiment: Experiment) -> None:
    seeds = sum(map(len, experiment.seeds.values()))
    tables = len(experiment.data) * len(experiment.splits)
    runs = tables * (len(experiment.methods) * seeds + len(experiment.baselines))
    if runs > _MOST_RUNS:
        raise MisfitError(f"expected at most {_MOST_RUNS:,} runs, got {runs:,}", "seeds")


def _names(experiment: Experiment) -> None:
    for source in experiment.data:
        published = dataset_card(source).published_predictions if isinstance(source, str) else {}
        try:
            check_baselines(experiment.baselines, published, molecules=source_kind(source) is None)
        except RncGraphError as error:
            raise MisfitError(str(error), "baselines") from error
    methods = [method.name for method in experiment.methods]
    rows = methods + experiment.baselines
    for number, name in enumerate(rows):
        if name in rows[:number]:
            keys = ("methods", number, "name") if number < len(methods) else ("baselines",)
            raise MisfitError(f"two methods share the name {name!r}", *keys)
    sources = [source_name(source) for source in experiment.data]
    if len(set(sources)) < len(sources):
        raise MisfitError(f"two data sets share a name: {', '.join(sources)}", "data")
    if experiment.reference not in methods:
        raise MisfitError(
            f"{experiment.reference!r} is none of the methods: {methods}", "reference"
        )
    for number, method in enumerate(experiment.methods):
        if method.reference is not None and method.reference not in methods:
            raise MisfitError(
                f"{method.reference!r} is none of the methods: {methods}",
                *("methods", number, "reference"),
            )
    if set(experiment.seeds) != set(experiment.encoders):
        raise MisfitError(
            f"they are given for {list(experiment.seeds)}, the encoders are "
            f"{list(experiment.encoders)}",
            "seeds",
        )


def _splits(experiment: Experiment) -> None:
    for name, split in experiment.splits.items():
        keys = ("splits", name) if name else ("split",)
        if split.test == 0:
            raise MisfitError("it leaves no test set; the least share is above 0", *keys, "test")
        if split.unseen is not None and experiment.evaluate == "validation":
            raise MisfitError(
                "only the test set has unseen labels, so evaluate: validation has nothing to show",
                *keys,
                "unseen",
            )


def _sources(experiment: Experiment) -> None:
    """Check that data, and out-of-distribution ones, are of one kind: continuous or classes."""
    classes = [s.title for s in experiment.data if isinstance(s, ImageSource) and s.has_classes]
    if 0 < len(classes) < len(experiment.data):
        raise MisfitError(
            f"the targets of {classes[0]!r} are classes, those of others are measured; their "
            "scores have nothing in common, so make it two experiments",
            "data",
        )
    ood = experiment.representation.ood if experiment.representation else None
    if ood is None:
        return
    for source in experiment.data:
        if source_kind(source) != source_kind(ood) or source_kind(source) == "graphs":
            raise MisfitError(
                f"expected out-of-distribution samples like those of {source_name(source)!r}, "
                f"molecules or images, got {source_name(ood)!r}",
                *("representation", "ood"),
            )


def _inputs(experiment: Experiment) -> None:
    """Check that encoders, data and augmentations are all for graphs, or all for images."""
    kinds = {source_name(source): source_kind(source) for source in experiment.data}
    numbers = {method.name: number for number, method in enumerate(experiment.methods)}
    for point in experiment.grid_points():
        kind = experiment.kind_of(point.encoder)
        if kinds[point.data] not in (None, kind):
            raise MisfitError(
                f"it takes {kind}, and {point.data!r} is of {kinds[point.data]}",
                *("encoders", point.encoder),
            )
        method = ("methods", numbers[point.method.name])
        split = ("splits", point.split) if point.split else ("split",)
        stages = point.method.stages.items()
        for options, keys in (
            *((stage.augmentation, (*method, key, "augmentation")) for key, stage in stages),
            (experiment.splits[point.split].graph_noise, (*split, "graph_noise")),
        ):
            if augmented_kind(options) not in (None, kind):
                raise MisfitError(
                    f"{next(iter(options))!r} alters {augmented_kind(options)}, and encoder "
                    f"{point.encoder!r} takes {kind}; `only: {{encoder: ...}}` keeps a method to "
                    "some encoders",
                    *keys,
                )


def _frozen(experiment: Experiment) -> None:
    """Check that what is frozen has learned before: in stage 1, or elsewhere."""
    for point in experiment.grid_points():
        if not point.method.regression.freeze or point.method.pretraining is not None:
            continue
        if not may_have_weights(point.encoder, experiment.encoders[point.encoder]):
            raise MisfitError(
                f"freeze without pretraining would freeze a random encoder, {point.encoder!r}; "
                f"those with weights of their own are {', '.join(WITH_WEIGHTS)}; `exclude` leaves "
                "points of a grid out",
                *("methods", experiment.methods.index(point.method), "regression", "freeze"),
            )


def _one_table(experiment: Experiment) -> None:
    if not experiment.one_table:
        return
    if len({tuple(seeds) for seeds in experiment.seeds.values()}) > 1:
        raise MisfitError("one_table: all encoders must have the same seeds", "seeds")
    found: dict[tuple[str, str, str], str] = {}
    for point in experiment.grid_points():
        other = found.setdefault((point.data, point.split, point.method.name), point.encoder)
        if other != point.encoder:
            raise MisfitError(
                f"method {point.method.name!r} is run with {other!r} and {point.encoder!r}; each "
                f"encoder needs methods of its own, by `only: {{encoder: {other}}}`",
                "one_table",
            )


def _conditions(experiment: Experiment) -> None:
    """Check that what is excluded, and where methods are kept to, is on the grid."""
    points = [point.axes for point in experiment.grid_points(everywhere=True)]
    for number, condition in enumerate(experiment.exclude):
        _check_condition(condition, points, "exclude", number)
    for number, method in enumerate(experiment.methods):
        _check_condition(method.only, points, "methods", number, "only")


def _check_condition(
    condition: Condition, points: Sequence[dict[str, AxisValue]], *keys: str | int
) -> None:
    for axis, values in condition.items():
        found = list(dict.fromkeys(point[axis] for point in points if axis in point))
        if not found:
            known = sorted({name for point in points for name in point})
            raise MisfitError(f"unknown axis {axis!r}; known: {', '.join(known)}", *keys)
        for value in values if isinstance(values, list) else [values]:
            if value not in found:
                raise MisfitError(
                    f"{value!r} is not on axis {axis!r}; known: {', '.join(map(str, found))}",
                    *keys,
                )


def _references(experiment: Experiment) -> None:
    """Check that each reference is run wherever a method that names it is."""
    rows: dict[tuple[str, str, str], set[str]] = {}
    for point in experiment.grid_points():
        encoder = "" if experiment.one_table else point.encoder
        rows.setdefault((point.data, point.split, encoder), set()).add(point.method.name)
    if not rows:
        raise MisfitError("it leaves no run", "exclude")
    for where, there in rows.items():
        for number, method in enumerate(experiment.methods):
            reference = experiment.reference_of(method.name)
            if method.name in there and reference not in there:
                raise MisfitError(
                    f"{method.name!r} is compared with {reference!r}, which is not run on "
                    f"{', '.join(filter(None, where))}",
                    *("methods", number),
                )


def _search(experiment: Experiment) -> None:
    search = experiment.search
    if search is None:
        return
    found = next((m for m in experiment.methods if m.name == search.method), None)
    if found is None:
        raise MisfitError(f"{search.method!r} is none of the methods", "search", "method")
    if search.encoder not in experiment.encoders:
        raise MisfitError(
            f"{search.encoder!r} is none of {list(experiment.encoders)}", "search", "encoder"
        )
    points = experiment.grid_points()
    if not any(p.method is found and p.encoder == search.encoder for p in points):
        raise MisfitError(
            f"{search.method!r} is not run with encoder {search.encoder!r}", "search", "method"
        )
    if found.pretraining is None and any(k.startswith("pretraining.") for k in search.ranges):
        raise MisfitError(f"{search.method!r} has no pretraining to search", "search", "ranges")
