"""A grid declared by named axes, expanded into methods and splits.

Axes of the stages make methods, the rows of a table; axes of the split make splits, each a table of
its own. Data sets, encoders and seeds are axes too, at the top of a spec.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from rnc_graph.errors import MisfitError
from rnc_graph.experiments.spec.component import may_have_weights
from rnc_graph.experiments.spec.split import split_mapping

Raw = dict[str, Any]

_MOST_METHODS = 2_000
_MOST_SPLITS = 1_000


@dataclass(frozen=True)
class Axis:
    """Where an axis's values go: the keys below a method, or below a split.

    ``label`` returns a plain value in words, for the names of methods and splits.
    """

    path: tuple[str, ...]
    label: Callable[[Any], str]


def _named(word: str) -> Callable[[Any], str]:
    return lambda value: f"{word}={_short(value)}"


def _short(value: Any) -> str:
    return "-".join(map(_short, value)) if isinstance(value, list) else str(value)


METHOD_AXES: Mapping[str, Axis] = {
    "objective": Axis(("pretraining", "objective"), str),
    "pretrain_on": Axis(("pretraining", "data"), lambda value: f"on {value}"),
    "temperature": Axis(("pretraining", "objective", "temperature"), _named("T")),
    "augmentation": Axis(("pretraining", "augmentation"), str),
    "views": Axis(("pretraining", "views"), _named("V")),
    "head_loss": Axis(("regression", "head_loss"), lambda value: str(value).capitalize()),
    "freeze": Axis(("regression", "freeze"), lambda value: "frozen" if value else "fine-tuned"),
}

SPLIT_AXES: Mapping[str, Axis] = {
    "split": Axis((), str),
    "train_size": Axis(("train_size",), _named("train_size")),
    "label_noise": Axis(("label_noise",), _named("label_noise")),
    "graph_noise": Axis(("graph_noise",), _named("graph_noise")),
    "unseen": Axis(("unseen",), _named("unseen")),
    "imbalance": Axis(("long_tail", "imbalance"), _named("imbalance")),
}

# Axes that mean nothing to a method without a stage 1; nor does "freeze" to a random encoder.
_STAGE_1 = ("pretrain_on", "temperature", "augmentation", "views")


def expanded(raw: Raw) -> Raw:
    """Return a spec's mapping with its grid spelled out as methods and splits.

    Raises:
        MisfitError: an axis is unknown or empty; ``grid`` or an entry of ``include`` is no mapping.
    """
    grid = raw.pop("grid", None) or {}
    include = raw.pop("include", None) or []
    if not isinstance(grid, dict):
        raise MisfitError(f"expected a mapping from axes to their values, got {grid!r}", "grid")
    if not isinstance(include, list):
        raise MisfitError(f"expected a list, got {include!r}", "include")
    known = [*METHOD_AXES, *SPLIT_AXES]
    for axis, values in grid.items():
        if axis not in known:
            raise MisfitError(f"unknown axis; known: {', '.join(known)}", "grid", axis)
        if not isinstance(values, list | dict) or not values:
            raise MisfitError("expected a list of values, or names with values", "grid", axis)
        listed = values.values() if isinstance(values, dict) else values
        if axis == "freeze" and not all(isinstance(value, bool) for value in listed):
            raise MisfitError(f"expected true or false, got {[*listed]!r}", "grid", axis)
    methods = {axis: values for axis, values in grid.items() if axis in METHOD_AXES}
    splits = {axis: values for axis, values in grid.items() if axis in SPLIT_AXES}
    _check_count(methods, "methods", _MOST_METHODS)
    _check_count(splits, "splits", _MOST_SPLITS)
    made = list(_methods(methods, raw, {})) if methods else []
    for number, entry in enumerate(include):
        if not isinstance(entry, dict):
            raise MisfitError(
                f"expected a mapping from axes to values, got {entry!r}", "include", number
            )
        own = {
            axis: _included(values, grid.get(axis))
            for axis, values in entry.items()
            if axis in METHOD_AXES
        }
        only = {axis: values for axis, values in entry.items() if axis not in METHOD_AXES}
        if not own:
            raise MisfitError("needs an axis of the methods, such as objective", "include", number)
        lists = {axis: values for axis, values in own.items() if isinstance(values, list | dict)}
        _check_count(lists, "methods", _MOST_METHODS, "include")
        made += _methods(own, raw, only)
    if made:
        written = raw.get("methods") or []
        if not isinstance(written, list):
            raise MisfitError(f"expected a list, got {written!r}", "methods")
        raw["methods"] = [*written, *_distinct(made)]
    if splits:
        raw["splits"] = {**_mapping(raw, "splits"), **dict(_splits(splits, raw))}
    return raw


def _check_count(grid: Raw, what: str, most: int, key: str = "grid") -> None:
    count = math.prod(map(len, grid.values()))
    if count > most:
        raise MisfitError(f"expected at most {most:,} {what}, got {count:,}", key)


def _mapping(above: Raw, *keys: str) -> Raw:
    """Return the mapping at the last key, empty without one."""
    found = above.get(keys[-1]) or {}
    if not isinstance(found, dict):
        raise MisfitError(f"expected a mapping, got {found!r}", *keys)
    return found


def _distinct(made: Iterable[Raw]) -> list[Raw]:
    """Return each method once; the same method here and everywhere is everywhere."""
    distinct: dict[str, Raw] = {}
    for method in made:
        other = distinct.setdefault(method["name"], method)
        if other == method:
            continue
        alike = _anywhere(other) == _anywhere(method)
        if not alike or (other.get("only") and method.get("only")):
            raise MisfitError(
                f"two entries make the method {method['name']!r}; if it is the same method at "
                "several points, list them in one entry, as in split: [a, b]",
                "include",
            )
        distinct[method["name"]] = _anywhere(method)
    return list(distinct.values())


def _included(values: Any, on_grid: Any) -> Any:
    """Return an axis of an included entry: a value may be given by its name in the grid."""
    if isinstance(values, dict) and "name" in values:
        return {str(values["name"]): values}  # An objective with its options.
    listed = _listed(values)
    if not isinstance(on_grid, dict) or not isinstance(listed, list):
        return listed
    known = [value for value in listed if isinstance(value, str) and value in on_grid]
    return {value: on_grid[value] for value in known} if len(known) == len(listed) else listed


def _anywhere(method: Raw) -> Raw:
    return {key: value for key, value in method.items() if key != "only"}


def _listed(values: Any) -> Any:
    return values if isinstance(values, list | dict) else [values]


def _coordinates(axis: Axis, values: Any) -> list[tuple[Any, str, Any]]:
    """Return for each value of an axis its coordinate, its label and itself."""
    if isinstance(values, dict):
        return [(name, str(name), value) for name, value in values.items()]
    return [
        (v if isinstance(v, bool | int | float | str) else _short(v), axis.label(v), v)
        for v in values
    ]


def _combinations(
    axes: Mapping[str, Axis], grid: Mapping[str, Any]
) -> Iterable[dict[str, tuple[Any, str, Any]]]:
    lists = [_coordinates(axes[name], values) for name, values in grid.items()]
    return (dict(zip(grid, chosen, strict=True)) for chosen in product(*lists))


def _methods(grid: Mapping[str, Any], raw: Raw, only: Raw) -> Iterable[Raw]:
    for combination in _combinations(METHOD_AXES, grid):
        chosen = dict(combination)
        _, label, objective = chosen.get("objective", ("", "", ""))
        plain = "objective" in chosen and (objective is None or objective == "none")
        if plain:
            dropped = _STAGE_1 if "freeze" not in chosen or _weights(raw) else (*_STAGE_1, "freeze")
            chosen = {
                name: coordinate for name, coordinate in chosen.items() if name not in dropped
            }
            chosen["objective"] = (label, "plain" if label in ("none", "None") else label, None)
        method: Raw = {"pretraining": None if plain else {}, "regression": {}}
        base = _mapping(_mapping(raw, "pretraining"), "pretraining", "objective")
        for name, (_, _, value) in chosen.items():
            if name == "objective":
                if not plain:
                    named = {"name": value} if isinstance(value, str) else value
                    if not isinstance(named, dict):
                        raise MisfitError(
                            f"expected names, or mappings with a name, got {named!r}",
                            *("grid", "objective"),
                        )
                    method["pretraining"]["objective"] = dict(named)
                continue
            if name == "temperature":
                method["pretraining"].setdefault("objective", dict(base) or {"name": "rnc"})
            _put(method, METHOD_AXES[name].path, value)
        yield {
            "name": ", ".join(label for _, label, _ in chosen.values()),
            **method,
            "axes": {name: coordinate for name, (coordinate, _, _) in chosen.items()},
            **({"only": only} if only else {}),
        }


def _weights(raw: Raw) -> bool:
    """Return whether any encoder of a spec may have weights before it is trained."""
    encoders = raw.get("encoders")
    return isinstance(encoders, dict) and any(
        may_have_weights(str(name), options if isinstance(options, dict) else {})
        for name, options in encoders.items()
    )


def _splits(grid: Mapping[str, Any], raw: Raw) -> Iterable[tuple[str, Raw]]:
    for chosen in _combinations(SPLIT_AXES, grid):
        split: Raw = dict(_mapping({"split": split_mapping(raw.get("split"))}, "split"))
        for name, (_, _, value) in chosen.items():
            if not SPLIT_AXES[name].path:
                own = _mapping({"split": split_mapping(value)}, "grid", "split")
                splitter = own.get("splitter")
                if isinstance(splitter, dict) and splitter.get("name") == "folds":
                    # It has shares of its own.
                    split = {k: v for k, v in split.items() if k not in ("train", "test")}
                split |= own
            elif name == "imbalance":
                split["long_tail"] = {**_mapping(split, "split", "long_tail"), "imbalance": value}
            else:
                _put(split, SPLIT_AXES[name].path, value)
        split["axes"] = {name: coordinate for name, (coordinate, _, _) in chosen.items()}
        yield ", ".join(label for _, label, _ in chosen.values()), split


def _put(into: Raw, path: tuple[str, ...], value: Any) -> None:
    *above, last = path
    for key in above:
        into = into[key]
    into[last] = value


def axis_of(keys: Sequence[str | int], axes: Mapping[str, Any]) -> str | None:
    """Return the axis that a key below a method or split that a grid made has its value from.

    Args:
        keys: below the method or split.
        axes: its coordinates.
    """
    every = {**METHOD_AXES, **SPLIT_AXES}
    # The temperature is inside the objective.
    paths = sorted((every[axis].path, axis) for axis in axes if axis in every)
    for path, axis in reversed(paths):
        if path and tuple(keys[: len(path)]) == path:
            return axis
    return None


def matches(condition: Mapping[str, Any], axes: Mapping[str, Any]) -> bool:
    """Say whether a point of the grid has, on each axis named, the value or one of the values."""
    return all(
        axis in axes and axes[axis] in (values if isinstance(values, list) else [values])
        for axis, values in condition.items()
    )
