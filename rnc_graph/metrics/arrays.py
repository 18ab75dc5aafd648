"""Argument checks of the metrics, and rows of unit length."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError

FloatArray = NDArray[np.float64]
# Arguments may be float32 (from an encoder) or float64.
Floats = NDArray[np.floating[Any]]
# Class numbers after the check, and as arguments: whole numbers of any dtype.
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
    """Return finite ``values`` (N, d), or (N,) for one dimension, as float64.

    N is ``rows``, or at least ``fewest``; d is ``width``, or at least one.
    """
    array = _floats(name, values)
    fits = (
        array.ndim == dimensions
        and array.size > 0
        and len(array) >= fewest
        and rows in (None, len(array))
        and width in (None, *array.shape[1:])
    )
    if not fits:
        length = f"{rows or f'N >= {fewest}'},"
        expected = length if dimensions == 1 else f"{length} {width or 'd >= 1'}"
        raise BadValueError(f"{name}: expected shape ({expected}), got {array.shape}")
    finite = np.isfinite(array)
    if not finite.all():
        bad = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise BadValueError(f"{name}: expected finite numbers, got {array[bad]} in row {bad[0]}")
    return array


def checked_classes(
    name: str, labels: Labels, *, rows: int | None = None, classes: int | None = None
) -> Classes:
    """Return class numbers 0, 1, 2, ... (N,), below ``classes`` if given, as integers."""
    array = _floats(name, labels)
    if array.ndim != 1 or len(array) == 0 or rows not in (None, len(array)):
        raise BadValueError(f"{name}: expected shape ({rows or 'N >= 1'},), got {array.shape}")
    # Above 2**53 whole numbers of float64 are not exact.
    wrong = ~((array >= 0) & (array < 2**53) & (array == np.floor(array)))
    expected = "class numbers 0, 1, 2, ..."
    if classes is not None and not wrong.any():
        wrong, expected = array >= classes, f"class numbers below {classes}"
    if wrong.any():
        row = int(wrong.argmax())
        raise BadValueError(f"{name}: expected {expected}, got {array[row]:g} in row {row}")
    return array.astype(np.int64)


def checked_pair(train_embedding: Floats, embedding: Floats) -> tuple[FloatArray, FloatArray]:
    """Return embeddings (M, d) and (N, d) as float64."""
    train = checked("train_embedding", train_embedding)
    return train, checked("embedding", embedding, width=train.shape[1])


def check_positive(name: str, value: float) -> None:
    """Raise :class:`BadValueError` unless ``value`` is a positive, finite number."""
    if not 0 < value < np.inf:
        raise BadValueError(f"{name}: expected a positive, finite number, got {value}")


def unit_rows(values: FloatArray) -> FloatArray:
    """Project (N, d) onto the unit sphere; a row of zeros stays zero."""
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(norms > 0, norms, 1.0)


def _floats(name: str, values: NDArray[Any]) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadValueError(f"{name}: expected an array of real numbers ({error})") from error
