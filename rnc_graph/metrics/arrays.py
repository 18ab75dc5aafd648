"""What the judges of an embedding take: the check they share, and rows of unit length."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError

FloatArray = NDArray[np.float64]
# What callers may pass: float32 from an encoder, or float64.
Floats = NDArray[np.floating[Any]]
# Class numbers, once checked, and as callers may pass them: whole numbers of any dtype.
Classes = NDArray[np.int64]
Labels = NDArray[Any]

FEWEST_ROWS = 2


def checked(
    name: str,
    values: NDArray[Any],
    *,
    dimensions: int = 2,
    rows: int | None = None,
    width: int | None = None,
    fewest: int = FEWEST_ROWS,
) -> FloatArray:
    """Return ``values`` as float64, or raise on what no judge can use.

    Args:
        name: what the message calls them.
        values: (N, d) for two dimensions, (N,) for one.
        dimensions: 1 or 2.
        rows: the N that is right; None takes any from ``fewest`` up.
        width: the d that is right; None takes any from one up.
        fewest: the least N.

    Raises:
        RncGraphError: no numbers, another shape, too few rows, or a NaN or infinite value.

    >>> checked("embedding", np.zeros((3, 4)), width=2)
    Traceback (most recent call last):
    ...
    rnc_graph.errors.BadValueError: embedding: found shape (3, 4), right is (N >= 2, 2)
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadValueError(f"{name}: found no array of real numbers ({error})") from error
    fits = (
        array.ndim == dimensions
        and array.size > 0
        and len(array) >= fewest
        and rows in (None, len(array))
        and width in (None, *array.shape[1:])
    )
    if not fits:
        length = f"{rows or f'N >= {fewest}'},"
        right = length if dimensions == 1 else f"{length} {width or 'd >= 1'}"
        raise BadValueError(f"{name}: found shape {array.shape}, right is ({right})")
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise BadValueError(
            f"{name}: found {array[place]} in row {place[0]}, right are finite numbers"
        )
    return array


def checked_classes(
    name: str, labels: Labels, *, rows: int | None = None, classes: int | None = None
) -> Classes:
    """Return labels (N,) that are class numbers 0, 1, 2, ... as integers, or raise.

    Args:
        name: what the message calls them.
        labels: (N,).
        rows: the N that is right; None takes any from one up.
        classes: C, where the numbers must be below it.

    Raises:
        RncGraphError: another shape, or a value that is no class number.

    >>> checked_classes("labels", np.array([0.0, 2.5]))
    Traceback (most recent call last):
    ...
    rnc_graph.errors.BadValueError: labels: found 2.5 in row 1, right are class numbers 0, 1, 2, ...
    """
    try:
        array = np.asarray(labels, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadValueError(f"{name}: found no array of real numbers ({error})") from error
    if array.ndim != 1 or len(array) == 0 or rows not in (None, len(array)):
        raise BadValueError(f"{name}: found shape {array.shape}, right is ({rows or 'N >= 1'},)")
    wrong = ~(np.isfinite(array) & (array >= 0) & (array == np.floor(array)))
    right = "class numbers 0, 1, 2, ..."
    if classes is not None and not wrong.any():
        wrong, right = array >= classes, f"class numbers below {classes}"
    if wrong.any():
        row = int(wrong.argmax())
        raise BadValueError(f"{name}: found {array[row]:g} in row {row}, right are {right}")
    return array.astype(np.int64)


def unit_rows(values: FloatArray) -> FloatArray:
    """Project (N, d) onto the unit sphere; a row of zeros stays one.

    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(norms > 0, norms, 1.0)
