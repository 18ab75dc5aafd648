"""Intervals that widen with the distance from the training molecules, where that is better."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.table import FloatArray

# Distances at which factors are kept; they are linear in between.
GRID = np.linspace(0, 1, 21)
# With fewer molecules nothing is said of distances.
_FEWEST = 50
# The smallest factor, in means of the factors: no interval is of no width.
_LEAST = 0.2
# The level of the intervals that are compared.
_LEVEL = 0.9


def widening(
    errors: FloatArray, difficulty: FloatArray, distance: FloatArray, fold: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Learn by which factors to multiply the difficulty at a distance, if that is better.

    The factor is the isotonic regression of the scores, errors over difficulty, on the distance. It
    is kept for a target if it lowers the mean interval score of 90% intervals (Gneiting and
    Raftery, J. Am. Stat. Assoc. 102, 2007, section 6.2) where each molecule's factor was learned
    from the other folds. These factors also calibrate: a score that had a part in its own factor
    would be too small.

    Args:
        errors: (n, t) absolute errors of predictions out of fold, NaN where unknown.
        difficulty: (n, t) of them.
        distance: (n,) to the nearest molecule of the other folds.
        fold: (n,) of each molecule.

    Returns:
        The factors (t, 21) at the distances of ``GRID``, 1 for a target without, and those of the
        molecules (n, t).
    """
    factors, own = np.ones((errors.shape[1], len(GRID))), np.ones(errors.shape)
    for target in range(errors.shape[1]):
        known = ~np.isnan(errors[:, target])
        if known.sum() < _FEWEST or len(np.unique(fold[known])) < 2:
            continue
        difficult, error = difficulty[known, target], errors[known, target]
        crossed = np.empty(len(error))
        for number in np.unique(fold[known]):
            held = fold[known] == number
            learned = _factors(error[~held] / difficult[~held], distance[known][~held])
            crossed[held] = np.interp(distance[known][held], GRID, learned)
        if _interval_score(error, difficult * crossed) < _interval_score(error, difficult):
            factors[target] = _factors(error / difficult, distance[known])
            own[known, target] = crossed
    return factors, own


def factors_at(factors: FloatArray, distance: FloatArray) -> FloatArray:
    """Return the factors (N, t) at distances (N,), of factors (t, 21)."""
    return np.stack([np.interp(distance, GRID, of_target) for of_target in factors], axis=1)


def _factors(scores: FloatArray, distance: FloatArray) -> FloatArray:
    """Return the isotonic regression of scores (k,) on distances (k,), on the grid, (21,)."""
    from sklearn.isotonic import IsotonicRegression

    rising = IsotonicRegression(out_of_bounds="clip").fit(distance, scores).predict(GRID)
    mean = scores.mean()
    factors: FloatArray = np.maximum(rising / mean, _LEAST) if mean > 0 else np.ones(len(GRID))
    return factors


def _interval_score(errors: FloatArray, difficulty: FloatArray) -> float:
    """Return the mean interval score of intervals that cover 90% of the errors (k,)."""
    reach = np.quantile(errors / difficulty, _LEVEL) * difficulty
    missed = np.maximum(errors - reach, 0)
    return float((2 * reach + 2 / (1 - _LEVEL) * missed).mean())
