"""A selection from an experiment: some of its encoders, and other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnc_graph.errors import BadValueError, UnknownNameError
from rnc_graph.experiments.spec.component import AxisValue
from rnc_graph.experiments.spec.experiment import Experiment


def selected(
    experiment: Experiment, seeds: str | None, encoders: Sequence[str] | None
) -> dict[str, Any]:
    """Return the mapping of an experiment with other seeds, or with some of its encoders.

    Methods that are run with none of them are left out, and so is a search with another encoder.
    ``seeds`` and ``encoders`` are those of :func:`~rnc_graph.experiments.read_spec`.

    Raises:
        RncGraphError: an unknown encoder, or seeds that are no numbers.
    """
    chosen = list(encoders or experiment.encoders)
    for name in chosen:
        if name not in experiment.encoders:
            raise UnknownNameError("encoder", name, list(experiment.encoders))
    counts = _seed_counts(seeds, chosen) if seeds is not None else {}
    run = {point.method.name for point in experiment.grid_points() if point.encoder in chosen}
    left: dict[str, set[AxisValue]] = {}
    for point in experiment.grid_points(everywhere=True):
        if point.encoder in chosen and point.method.name in run:
            for axis, value in point.axes.items():
                left.setdefault(axis, set()).add(value)
    raw = experiment.model_dump(mode="json")
    raw["encoders"] = {name: raw["encoders"][name] for name in chosen}
    raw["seeds"] = {name: _from_first(raw["seeds"][name], counts.get(name)) for name in chosen}
    raw["methods"] = [
        {**method, "only": _narrowed(method["only"], left)}
        for method in raw["methods"]
        if method["name"] in run
    ]
    narrowed = (_narrowed(condition, left) for condition in raw["exclude"])
    raw["exclude"] = [condition for condition in narrowed if [] not in condition.values()]
    search = raw["search"]
    if search and (search["encoder"] not in chosen or search["method"] not in run):
        raw["search"] = None
    return raw


def _narrowed(condition: dict[str, Any], left: dict[str, set[AxisValue]]) -> dict[str, Any]:
    """Return a condition with the values that are left on each axis; [] for an axis without any."""
    narrowed: dict[str, Any] = {}
    for axis, values in condition.items():
        known = left.get(axis, set())
        if isinstance(values, list):
            narrowed[axis] = [value for value in values if value in known]
        else:
            narrowed[axis] = values if values in known else []
    return narrowed


def _from_first(seeds: list[int], count: int | None) -> list[int]:
    """Return ``count`` seeds: the first ones given, and what follows the last if they run out."""
    if count is None:
        return seeds
    more = range(max(seeds) + 1, max(seeds) + 1 + max(0, count - len(seeds)))
    return [*seeds, *more][:count]


def _seed_counts(text: str, encoders: list[str]) -> dict[str, int]:
    """Parse "10" or "gin=10,gcn=5"."""
    counts = {}
    for item in text.split(","):
        encoder, separator, number = item.rpartition("=")
        if not number.isdecimal() or int(number) < 1:
            raise BadValueError(f"--seeds: expected a number from 1, or gin=10,gcn=5; got {text!r}")
        if separator and encoder not in encoders:
            raise UnknownNameError("encoder", encoder, encoders)
        counts.update(dict.fromkeys([encoder] if separator else encoders, int(number)))
    return counts
