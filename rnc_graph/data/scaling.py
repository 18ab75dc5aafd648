"""Standardized targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class TargetScaler:
    """Shift and scale that standardize the t targets of the training set.

    Attributes:
        mean: (t,) in the targets' unit.
        sd: (t,) in the targets' unit, 1 where the training set is constant.
    """

    mean: FloatArray
    sd: FloatArray

    @classmethod
    def fit(cls, targets: FloatArray, names: Sequence[str] | None = None) -> TargetScaler:
        """Take mean and standard deviation from targets (N, t), NaN where missing.

        Raises:
            RncGraphError: a target, by its place in ``names``, is missing in all molecules.
        """
        missing = np.isnan(targets)
        if not missing.any():
            # By the range, since the deviation of equal numbers may round to more than 0.
            sd = np.where(np.ptp(targets, axis=0) > 0, targets.std(axis=0), 1.0)
            return cls(mean=targets.mean(axis=0), sd=sd)
        for number in np.flatnonzero(missing.all(axis=0)).tolist():
            target = number if names is None else repr(names[number])
            raise BadValueError(
                f"target {target}: none of the {len(targets)} molecules of the training set has "
                "it; leave it out, or add molecules that have it"
            )
        spread = np.nanmax(targets, axis=0) - np.nanmin(targets, axis=0)
        sd = np.where(spread > 0, np.nanstd(targets, axis=0), 1.0)
        return cls(mean=np.nanmean(targets, axis=0), sd=sd)

    def standardize(self, values: FloatArray) -> FloatArray:
        """Turn (N, t) values in the targets' unit into standardized ones."""
        return (values - self.mean) / self.sd

    def restore(self, standardized: FloatArray) -> FloatArray:
        """Turn (N, t) standardized values back into the targets' unit."""
        return standardized * self.sd + self.mean
