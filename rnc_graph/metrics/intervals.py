"""Prediction intervals with guaranteed coverage: split conformal prediction.

Molecules that the model has not learned from calibrate it (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005; Lei et al., J. Am. Stat. Assoc. 113, 2018, section 2.2). If those
and the molecules to come are exchangeable, an interval at level p covers a new measurement with
probability of at least p, and at most p + 1 / (n + 1), whatever the model. Scores are divided by a
difficulty (Papadopoulos, Gammerman and Vovk, 2008), so that doubtful molecules get wider intervals.
"""

import math
from dataclasses import dataclass

import numpy as np

from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class ConformalIntervals:
    """What calibration leaves: the scores of n molecules for t targets.

    Attributes:
        scores: (n, t), each column rising; the targets' unit over the difficulty's; NaN at the end
            of a column where molecules lack the target.
    """

    scores: FloatArray

    @classmethod
    def calibrate(
        cls, measured: FloatArray, predicted: FloatArray, difficulty: FloatArray
    ) -> "ConformalIntervals":
        """Take the scores of molecules that the model has neither learned from nor been chosen by.

        Args:
            measured: (n, t), NaN where missing.
            predicted: (n, t).
            difficulty: (n, t), positive; greater where a greater error is to be expected.

        >>> ones = np.ones((3, 1))
        >>> ConformalIntervals.calibrate(ones * 0, np.array([[2.0], [-1.0], [3.0]]), ones).scores.T
        array([[1., 2., 3.]])
        """
        return cls(np.sort(np.abs(measured - predicted) / difficulty, axis=0))

    @property
    def counts(self) -> list[int]:
        """Molecules that calibrate each of the t targets."""
        return [int(count) for count in np.isfinite(self.scores).sum(axis=0)]

    @property
    def highest_levels(self) -> list[float]:
        """The highest level at which each target's interval is finite: n / (n + 1)."""
        return [count / (count + 1) for count in self.counts]

    def half_widths(self, difficulty: FloatArray, level: float) -> FloatArray:
        """Return how far the (N, t) intervals reach to either side of the prediction.

        Infinite where too few molecules calibrate a target: n / (n + 1) is the highest level.

        Args:
            difficulty: (N, t), as in :meth:`calibrate`.
            level: share of measurements to be covered.

        Raises:
            RncGraphError: a level outside (0, 1).
        """
        check_level(level)
        widths = [_quantile(column[np.isfinite(column)], level) for column in self.scores.T]
        reach: FloatArray = difficulty * np.array(widths)
        return reach


def check_level(level: float) -> None:
    """Raise :class:`RncGraphError` unless ``level`` lies between 0 and 1."""
    if not 0 < level < 1:
        raise BadValueError(f"the level of an interval must lie between 0 and 1, found {level}")


def coverage(measured: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Return the share of the known measurements (N, t) within their intervals.

    >>> coverage(np.array([[0.0], [5.0], [np.nan]]), np.full((3, 1), -1.0), np.full((3, 1), 1.0))
    0.5
    """
    known = ~np.isnan(measured)
    inside = (low <= measured) & (measured <= high)
    return float(inside[known].mean()) if known.any() else math.nan


def _quantile(scores: FloatArray, level: float) -> float:
    """Return the ceil((n + 1) * level)-th least of n scores, rising; infinite beyond the last."""
    # Rounded first, so that 0.9 of 10 is the ninth and not, by a hair, the tenth.
    rank = math.ceil(round((len(scores) + 1) * level, 9))
    return float(scores[rank - 1]) if rank <= len(scores) else math.inf
