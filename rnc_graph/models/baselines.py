"""What a model must beat: a random forest on fingerprints, and the mean of the training set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.table import FloatArray

FOREST, MEAN = "random-forest", "mean"


def random_forest(
    fingerprints: NDArray[np.uint8],
    targets: FloatArray,
    train: NDArray[np.int64],
    rows: Any = slice(None),
    *,
    seed: int,
    jobs: int | None = None,
) -> FloatArray:
    """Predict standardized targets by random forests (Breiman, Machine Learning 45, 2001).

    Each target has a forest of its own, on the training molecules that have it.

    Args:
        fingerprints: (N, 2048) bits; Morgan fingerprints of radius 2.
        targets: (N, t) standardized, NaN where missing.
        train: rows to learn from.
        rows: rows to predict, all by default.
        seed: of the forests.
        jobs: threads that fit the trees; the results do not depend on it.

    Returns:
        (n, t) standardized predictions of the n ``rows``.
    """
    from sklearn.ensemble import RandomForestRegressor

    columns = []
    for values in targets.T:
        known = train[~np.isnan(values[train])]
        forest = RandomForestRegressor(300, max_features=1 / 3, random_state=seed, n_jobs=jobs)
        forest.fit(fingerprints[known], values[known])
        # Threads would add up the trees in an order that differs from run to run.
        columns.append(forest.set_params(n_jobs=None).predict(fingerprints[rows]))
    return np.stack(columns, axis=1)


def baseline_predictions(
    features: MoleculeFeatures,
    exact: FloatArray,
    train: NDArray[np.int64],
    rows: NDArray[np.int64],
    scaler: TargetScaler,
    *,
    seed: int,
    jobs: int = 1,
) -> dict[str, FloatArray]:
    """Predict rows by the baselines, which learn from a model's training set.

    ``features`` are of N molecules, with fingerprints; ``exact`` are (N, t) values in the targets'
    units, NaN where missing or where only a bound is known.

    Returns:
        (n, t) predictions in the targets' units, by the name of the baseline.
    """
    bits = np.unpackbits(features.fingerprints, axis=1)
    learned = scaler.standardize(exact)
    forest = random_forest(bits, learned, train, rows, seed=seed, jobs=jobs)
    mean = np.tile(np.nanmean(learned[train], axis=0), (len(rows), 1))
    return {FOREST: scaler.restore(forest), MEAN: scaler.restore(mean)}
