"""Prediction intervals with guaranteed coverage: split conformal prediction.

Calibrated by samples that the model was not trained on (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005; Lei et al., J. Am. Stat. Assoc. 113, 2018, section 2.2). If these
and new samples are exchangeable, an interval at level p covers a new value with a probability of at
least p and at most p + 1 / (n + 1), whatever the model. Scores are divided by a difficulty
(Papadopoulos, Gammerman and Vovk, 2008), so that uncertain samples get wider intervals.
"""

import math
from dataclasses import dataclass

import numpy as np

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import FloatArray


@dataclass(frozen=True)
class ConformalIntervals:
    """The calibration scores of n samples for t targets.

    ``scores`` are (n, t), each column rising, in the targets' unit over the difficulty's; NaN at
    the end of a column for samples that lack the target.
    """

    scores: FloatArray

    @classmethod
    def calibrate(
        cls, y_true: FloatArray, y_pred: FloatArray, difficulty: FloatArray
    ) -> "ConformalIntervals":
        """Compute the scores of samples that were used neither to train nor to select the model.

        ``y_true`` (n, t) is NaN where missing; ``difficulty`` (n, t) is positive, and greater where
        a greater error is expected.
        """
        return cls(np.sort(np.abs(y_true - y_pred) / difficulty, axis=0))

    @property
    def counts(self) -> list[int]:
        """The samples that calibrate each of the t targets."""
        return [int(count) for count in np.isfinite(self.scores).sum(axis=0)]

    @property
    def highest_levels(self) -> list[float]:
        """The highest level at which each target's interval is finite: n / (n + 1)."""
        return [count / (count + 1) for count in self.counts]

    def half_widths(self, difficulty: FloatArray, level: float) -> FloatArray:
        """Return half the widths (N, t) of intervals that cover the share ``level`` of the values.

        Infinite above the highest level, n / (n + 1): too few samples calibrate the target.
        ``difficulty`` is (N, t), as in :meth:`calibrate`.
        """
        if not 0 < level < 1:
            raise BadValueError(f"level of intervals: expected between 0 and 1, got {level}")
        widths = [_quantile(column[np.isfinite(column)], level) for column in self.scores.T]
        reach: FloatArray = difficulty * np.array(widths)
        return reach


def coverage(y_true: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Return the share of the known values (N, t), those not NaN, within their intervals.

    Raises :class:`BadValueError` if the shapes differ.
    """
    if not y_true.shape == low.shape == high.shape:
        raise BadValueError(
            "coverage: expected values and ends of intervals of one shape, got "
            f"{y_true.shape}, {low.shape} and {high.shape}"
        )
    known = ~np.isnan(y_true)
    inside = (low <= y_true) & (y_true <= high)
    return float(inside[known].mean()) if known.any() else math.nan


def _quantile(scores: FloatArray, level: float) -> float:
    """Return the ceil((n + 1) * level)-th of n rising scores; infinite beyond the last."""
    # Rounded first, so that 0.9 of 10 is the ninth, not by rounding error the tenth.
    rank = math.ceil(round((len(scores) + 1) * level, 9))
    return float(scores[rank - 1]) if rank <= len(scores) else math.inf
