"""Standardized targets, after a transform where one is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError

# The natural logarithm is left out: it differs from log10 by a factor, so it standardizes alike.
Transform = Literal["none", "log10"]


def not_positive(values: FloatArray, transforms: Sequence[Transform]) -> NDArray[np.bool_]:
    """Return where values (N, t) have no logarithm although their target's transform is one."""
    without: NDArray[np.bool_] = (values <= 0) & (np.array(transforms) == "log10")
    return without


@dataclass(frozen=True)
class TargetScaler:
    """What standardizes the t targets of the training set: a transform, a shift and a scale.

    Attributes:
        mean: (t,) of the transformed targets.
        sd: (t,) of the transformed targets, 1 where the training set is constant.
        transforms: of the t targets; () for none.
    """

    mean: FloatArray
    sd: FloatArray
    transforms: tuple[Transform, ...] = ()

    @classmethod
    def fit(
        cls,
        targets: FloatArray,
        names: Sequence[str] | None = None,
        transforms: Sequence[Transform] = (),
    ) -> TargetScaler:
        """Take mean and standard deviation from targets (N, t), NaN where missing.

        Raises:
            RncGraphError: a target, by its place in ``names``, is missing in all molecules.
        """
        chosen = tuple(transforms)
        targets = cls(np.zeros(1), np.ones(1), chosen).transform(targets)
        for number in np.flatnonzero(np.isnan(targets).all(axis=0)).tolist():
            target = number if names is None else repr(names[number])
            raise BadValueError(
                f"target {target}: none of the {len(targets)} molecules of the training set has "
                "it; leave it out, or add molecules that have it"
            )
        # By the range, since the deviation of equal numbers may round to more than 0.
        spread = np.nanmax(targets, axis=0) - np.nanmin(targets, axis=0)
        sd = np.where(spread > 0, np.nanstd(targets, axis=0), 1.0)
        return cls(np.nanmean(targets, axis=0), sd, chosen)

    def transform(self, values: FloatArray) -> FloatArray:
        """Return (N, t) values in the targets' unit as the transforms make them; NaN for none."""
        if "log10" not in self.transforms:
            return values
        logarithms = np.log10(np.where(values > 0, values, np.nan))
        return np.where(np.array(self.transforms) == "log10", logarithms, values)

    def invert(self, transformed: FloatArray) -> FloatArray:
        """Return the (N, t) values in the targets' unit that the transforms turn into these."""
        if "log10" not in self.transforms:
            return transformed
        with np.errstate(over="ignore"):  # Of the other targets, whose powers are not used.
            powers = np.power(10.0, transformed)
        return np.where(np.array(self.transforms) == "log10", powers, transformed)

    def standardize(self, values: FloatArray) -> FloatArray:
        """Turn (N, t) values in the targets' unit into standardized ones."""
        return (self.transform(values) - self.mean) / self.sd

    def restore(self, standardized: FloatArray) -> FloatArray:
        """Turn (N, t) standardized values back into the targets' unit."""
        return self.invert(standardized * self.sd + self.mean)
