"""Prediction intervals with guaranteed coverage: split conformal prediction.

Calibrated by samples that the model was not trained on (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005; Lei et al., J. Am. Stat. Assoc. 113, 2018, section 2.2). If these
and new samples are exchangeable, an interval at level p covers a new value with a probability of at
least p and at most p + 1 / (n + 1), whatever the model. Scores are divided by a difficulty
(Papadopoulos, Gammerman and Vovk, 2008), so that uncertain samples get wider intervals. The samples
of a molecule count together as one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import FloatArray


@dataclass(frozen=True)
class ConformalIntervals:
    """The calibration scores of n molecules for t targets.

    ``scores`` are (n, t), each column rising, in the targets' unit over the difficulty's; NaN at
    the end of a column for molecules that lack the target.
    """

    scores: FloatArray

    @classmethod
    def calibrate(
        cls,
        y_true: FloatArray,
        y_pred: FloatArray,
        difficulty: FloatArray,
        molecules: NDArray[np.int64],
    ) -> "ConformalIntervals":
        """Compute the scores of samples that were used neither to train nor to select the model.

        Args:
            y_true: (n, t), NaN where missing.
            y_pred: (n, t).
            difficulty: (n, t) positive, and greater where a greater error is expected.
            molecules: (n,) the number of each sample's molecule.
        """
        columns = np.abs(y_true - y_pred) / difficulty
        found = [_by_molecule(column, molecules) for column in columns.T]
        scores = np.full((max(map(len, found), default=0), len(found)), np.nan)
        for number, column in enumerate(found):
            scores[: len(column), number] = column
        return cls(scores)

    @property
    def counts(self) -> list[int]:
        """The molecules that calibrate each of the t targets."""
        return [int(count) for count in np.isfinite(self.scores).sum(axis=0)]

    @property
    def highest_levels(self) -> list[float]:
        """The highest level at which each target's interval is finite: n / (n + 1)."""
        return [count / (count + 1) for count in self.counts]

    def half_widths(self, difficulty: FloatArray, level: float) -> FloatArray:
        """Return half the widths (N, t) of intervals that cover the share ``level`` of the values.

        Infinite above the highest level, n / (n + 1): too few molecules calibrate the target.
        ``difficulty`` is (N, t), as in :meth:`calibrate`.
        """
        if not 0 < level < 1:
            raise BadValueError(f"level of intervals: expected between 0 and 1, got {level}")
        widths = [_quantile(column[np.isfinite(column)], level) for column in self.scores.T]
        reach: FloatArray = difficulty * np.array(widths)
        return reach


def _by_molecule(scores: FloatArray, molecules: NDArray[np.int64]) -> FloatArray:
    """Return n rising scores of n molecules from those of their samples, NaN where missing.

    The k-th is the least that has a share of k / n of the scores at or below it, where each
    molecule counts once, however many samples it has. Intervals then cover a new sample of a new
    molecule (Lee, Barber and Willett, "Distribution-free inference with hierarchical data", 2023).
    """
    known = np.flatnonzero(~np.isnan(scores))
    _, own, counts = np.unique(molecules[known], return_inverse=True, return_counts=True)
    order = np.argsort(scores[known], kind="stable")
    weight = np.cumsum(1 / counts[own[order]])
    # Thirds of a molecule may not sum to all of it.
    place = np.searchsorted(weight, np.arange(1, len(counts) + 1) - 1e-9)
    ranked: FloatArray = scores[known][order][place]
    return ranked


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
