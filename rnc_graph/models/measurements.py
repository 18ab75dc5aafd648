"""What scikit-learn's users pass to an estimator: SMILES, measurements, bounds and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.data.reading.numbers import parse_number, split_relation
from rnc_graph.data.table import FloatArray, exact_values
from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class Measurements:
    """Measurements of N molecules.

    Attributes:
        values: (N, t), NaN where missing.
        censored: (N, t) 0 for a value, 1 where the value is above it, -1 where it is below.
    """

    values: FloatArray
    censored: NDArray[np.int8]

    @classmethod
    def of(cls, y: Any, censored: Any = None) -> Measurements:
        """Read what was passed as ``y``: numbers, or texts such as "2.5", ">100" and "<1".

        Args:
            y: (N,) or (N, t).
            censored: of the same shape: -1, 0 or 1; None where texts say it.

        Raises:
            BadValueError: texts say it and ``censored`` too, or a value cannot be read.
        """
        numbers, sides = _split_texts(y)
        values = _as_floats(numbers)
        if censored is not None:
            if sides.any():
                raise BadValueError("censored: expected None, since y has bounds as texts: '>3.5'")
            sides = np.asarray(censored)
            alike = sides.size == values.size and sides.shape[:1] == values.shape[:1]
            if not alike or not np.isin(sides, (-1, 0, 1)).all():
                raise BadValueError(
                    f"censored: expected -1, 0 or 1 for each value of y, {np.shape(y)}, got an "
                    f"array {sides.shape} with the values {', '.join(map(str, np.unique(sides)))}"
                )
        sides = sides.reshape(values.shape).astype(np.int8)
        return cls(values, np.where(np.isnan(values), np.int8(0), sides))

    @property
    def exact(self) -> FloatArray:
        """(N, t) the values, NaN where only a bound is known."""
        return exact_values(self.values, self.censored)

    def in_order(self, y: Any, names: Sequence[str], of: str = "y") -> Measurements:
        """Return the columns in the order of a model's targets, by those of a frame ``y``.

        Args:
            y: what was read; an array has its columns in order.
            names: of the t targets; a single one, or names that no frame gave, may differ.
            of: what messages call it.

        Raises:
            BadValueError: the frame has columns of other names.
        """
        if not isinstance(y, pd.DataFrame) or len(names) == 1:
            return self
        given = [str(name) for name in y.columns]
        if sorted(given) != sorted(names):
            if list(names) == _unnamed(len(names)):
                return self
            raise BadValueError(
                f"{of}: expected the columns {', '.join(names)}, got {', '.join(given)}"
            )
        order = [given.index(name) for name in names]
        return Measurements(self.values[:, order], self.censored[:, order])

    def followed_by(self, other: Measurements) -> Measurements:
        """Return both, one after the other."""
        return Measurements(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.censored, other.censored]),
        )


def _split_texts(y: Any) -> tuple[Any, NDArray[np.int8]]:
    """Return numbers in place of texts, and on which side of them the values are."""
    array = np.array(y, dtype=object)
    sides = np.zeros(array.shape, dtype=np.int8)
    if missing := [place for place, cell in enumerate(array.flat) if cell is pd.NA]:
        array.flat[missing] = np.nan
        y = array
    if np.ma.isMaskedArray(y) or not any(isinstance(cell, str) for cell in array.flat):
        return y, sides
    values = np.empty(array.shape)
    for place, cell in np.ndenumerate(array):
        try:
            if isinstance(cell, str):
                sides[place], text = split_relation(cell)
                values[place] = parse_number(text)
            else:
                values[place] = cell
        except (TypeError, ValueError) as error:
            raise BadValueError(
                f"y: expected numbers, got {str(cell)[:80]!r} in row {place[0]}: {error}"
            ) from error
    return values, sides


def _as_floats(y: Any) -> FloatArray:
    """Return measurements as (N, t) floats."""
    try:
        masked = np.ma.masked_array(y, dtype=np.float64) if np.ma.isMaskedArray(y) else y
        array = np.asarray(np.ma.filled(masked, np.nan), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadValueError(f"y: expected numbers: {error}") from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise BadValueError(f"y: expected shape (N,) or (N, t), got {np.shape(y)}")
    if np.isinf(array).any():
        row = int(np.flatnonzero(np.isinf(array).any(axis=1))[0])
        raise BadValueError(f"y: expected finite numbers or NaN, got infinity in row {row}")
    return array


def samples_of(
    X: Any, y: Any, censored: Any = None, of: str = ""
) -> tuple[list[str], Measurements]:
    """Return N SMILES and their measurements; ``of`` names them in messages."""
    smiles, measured = smiles_of(X), Measurements.of(y, censored)
    if len(smiles) != len(measured.values):
        raise BadValueError(
            f"{of}X has {len(smiles)} molecules, {of}y has {len(measured.values)} rows"
        )
    return smiles, measured


def smiles_of(X: Any) -> list[str]:
    """Return the N SMILES of a list, an array, a Series, or a frame of one column."""
    if isinstance(X, str):
        raise BadValueError(f"X: expected a list of SMILES, got the single text {X[:80]!r}")
    array = np.asarray(X, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape == (0,):
        raise BadValueError("X: expected N SMILES, got none")
    if array.ndim != 1:
        raise BadValueError(f"X: expected N SMILES, got an array of shape {array.shape}")
    missing = pd.api.types.is_scalar(array[0]) and pd.isna(array[0])
    if not missing and not any(isinstance(text, str) for text in array):
        raise BadValueError(f"X: expected N SMILES, got {type(array[0]).__name__} {array[0]!r}")
    return list(array)


def weights_of(sample_weight: Any, count: int) -> FloatArray:
    """Return the weights (N,) of N rows, of which some are positive."""
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadValueError(f"sample_weight: expected numbers: {error}") from error
    if weights.shape != (count,):
        raise BadValueError(f"sample_weight: expected shape ({count},), got {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise BadValueError(
            "sample_weight: expected finite numbers of at least 0, some of them above, got "
            f"{weights.min():g} to {weights.max():g}"
        )
    return weights


def target_names(y: Any, count: int) -> list[str]:
    """Return the names of the targets, where ``y`` has any.

    Raises:
        BadValueError: two have the same name.
    """
    if isinstance(y, pd.DataFrame):
        names = [str(name) for name in y.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise BadValueError(f"y: expected different names of columns, got {twice[0]!r} twice")
        return names
    if isinstance(y, pd.Series) and y.name is not None:
        return [str(y.name)]
    return _unnamed(count)


def _unnamed(count: int) -> list[str]:
    return ["target"] if count == 1 else [f"target_{number}" for number in range(count)]
