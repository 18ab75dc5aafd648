"""Standardised targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnc_graph.data.table import FloatArray


@dataclass(frozen=True)
class TargetScaler:
    """Shift and scale that standardise the t targets of the training part.

    Attributes:
        mean: (t,) in the targets' unit.
        sd: (t,) in the targets' unit, 1 where the training part is constant.
    """

    mean: FloatArray
    sd: FloatArray

    @classmethod
    def fit(cls, targets: FloatArray) -> TargetScaler:
        """Take mean and standard deviation from the training part's targets (N, t)."""
        # By the range, since the deviation of equal numbers may round to more than 0.
        sd = np.where(np.ptp(targets, axis=0) > 0, targets.std(axis=0), 1.0)
        return cls(mean=targets.mean(axis=0), sd=sd)

    def standardise(self, values: FloatArray) -> FloatArray:
        """Turn (N, t) values in the targets' unit into standardised ones."""
        return (values - self.mean) / self.sd

    def restore(self, standardised: FloatArray) -> FloatArray:
        """Turn (N, t) standardised values back into the targets' unit."""
        return standardised * self.sd + self.mean
