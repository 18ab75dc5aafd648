"""The similarity of classes from a file, which ranks them for RINCE."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from rnc_graph.data.reading.strict import column, numbers, read_csv
from rnc_graph.errors import BadValueError, MissingFileError

_KEYS = {"file", "thresholds", "how_to_get"}


def is_file(option: Any) -> TypeGuard[Mapping[str, Any]]:
    """Return whether an option of an objective is a mapping that names a file."""
    return isinstance(option, Mapping) and "file" in option


def check_option(option: Mapping[str, Any]) -> None:
    """Raise :class:`BadValueError` for a wrong key or value; the file is not read."""
    unknown = sorted(map(str, option.keys() - _KEYS))
    if unknown:
        raise BadValueError(f"similarity: unknown key {unknown[0]!r}; known: {sorted(_KEYS)}")
    for key, value in (("file", option["file"]), ("how_to_get", option.get("how_to_get", ""))):
        if not isinstance(value, str) or (key == "file" and not value):
            raise BadValueError(f"similarity: {key}: expected text, got {value!r}")
    given = option.get("thresholds")
    if given is None:
        return
    falling = (
        isinstance(given, list)
        and len(given) > 0
        and all(isinstance(x, int | float) and not isinstance(x, bool) for x in given)
        and all(map(math.isfinite, given))
        and all(high > low for high, low in pairwise(given))
    )
    if not falling:
        raise BadValueError(f"similarity: thresholds: expected falling numbers, got {given!r}")


def similarity_of(option: Mapping[str, Any]) -> tuple[list[str], list[list[float]]]:
    """Read ``{file: PATH, thresholds: [...], how_to_get: ...}``.

    The file is a CSV of C x C numbers, with the names of the classes in its first row and its first
    column. With R falling thresholds, a pair of classes whose similarity is at least the r-th one,
    and below the one before, has rank r + 1 (rank 1 is the same class): its similarity becomes
    1 - r / R, and -1, unranked, below the last threshold.

    Returns:
        The names of the classes, and the C x C similarities.

    Raises:
        RncGraphError: the file is missing or wrong.
    """
    path, thresholds = Path(option["file"]), option.get("thresholds")
    try:
        frame = read_csv(path)
    except MissingFileError as error:
        how = option.get("how_to_get") or (
            "expected a CSV of the similarity of each two classes, their names in the first row "
            "and the first column"
        )
        raise MissingFileError(f"{error}; {how}") from error
    first, *names = map(str, frame.columns)
    rows = column(frame, first, path)
    if rows != names:
        raise BadValueError(
            f"{path}: expected the same classes in the first row and the first column, got "
            f"{len(names)} and {len(rows)}" + _differ(names, rows)
        )
    values = np.stack([numbers(frame, name, path) for name in names], axis=1)
    if thresholds is not None:
        steps = 1 + (values[:, :, None] < np.array(thresholds)).sum(2)
        values = np.where(steps > len(thresholds), -1.0, 1 - steps / len(thresholds))
        np.fill_diagonal(values, 1.0)
    return names, values.tolist()


def check_classes(option: Mapping[str, Any], classes: tuple[str, ...], data: str) -> None:
    """Raise :class:`BadValueError` unless the file has the classes of a dataset, in their order."""
    names, _ = similarity_of(option)
    if tuple(names) != classes:
        raise BadValueError(
            f"{option['file']}: expected the {len(classes)} classes of {data!r} in their order, "
            f"got {len(names)} classes" + _differ(list(classes), names)
        )


def _differ(expected: list[str], found: list[str]) -> str:
    for number, (one, other) in enumerate(zip(expected, found, strict=False), start=1):
        if one != other:
            return f", number {number} of them {other!r} in place of {one!r}"
    return ""
