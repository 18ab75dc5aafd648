"""Errors of predictions: over all targets, by target, and on subsets of the samples."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import FloatArray

# Each with its power of the targets' unit.
METRICS: Mapping[str, int] = {"mae": 1, "rmse": 1, "mse": 2}


def regression_metrics(y_true: FloatArray, y_pred: FloatArray) -> dict[str, float]:
    """Return MAE, RMSE and MSE of predictions (N, t), over all samples and targets.

    Entries whose ``y_true`` is missing (NaN) are left out; all metrics are NaN if none is known.

    >>> errors = regression_metrics(np.array([[0.0], [0.0]]), np.array([[3.0], [4.0]]))
    >>> errors["mae"], errors["mse"], round(errors["rmse"], 4)
    (3.5, 12.5, 3.5355)
    """
    known = ~np.isnan(y_true)
    if not known.any():
        return dict.fromkeys(METRICS, np.nan)
    if not known.all():
        y_true, y_pred = y_true[known], y_pred[known]
    mse = float(mean_squared_error(y_true, y_pred))
    return {
        "mae": float(mean_absolute_error(y_true, y_pred)),
        "rmse": float(np.sqrt(mse)),
        "mse": mse,
    }


def metrics_by_target(y_true: FloatArray, y_pred: FloatArray) -> list[dict[str, float]]:
    """Return the metrics of each of the t targets of (N, t), over its known entries.

    Each dict holds ``count``, the known entries; MAE, RMSE and MSE; ``r2``, the coefficient of
    determination; and ``spearman``, the rank correlation. A metric that is not defined is NaN: all
    without an entry, ``r2`` if the values of ``y_true`` are equal, ``spearman`` if those of
    ``y_true`` or ``y_pred`` are.

    >>> nan = np.nan
    >>> first, second = metrics_by_target(
    ...     np.array([[1.0, nan], [2.0, nan], [3.0, 5.0]]),
    ...     np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 4.0]]),
    ... )
    >>> first["count"], first["r2"], first["spearman"]
    (3, 0.5, 1.0)
    >>> second["count"], second["mae"], second["r2"]
    (1, 1.0, nan)
    """
    found = []
    for of_target, predictions in zip(y_true.T, y_pred.T, strict=True):
        known = ~np.isnan(of_target)
        true, predicted = of_target[known], predictions[known]
        varies = len(true) > 1 and np.ptp(true) > 0
        ordered = varies and np.ptp(predicted) > 0
        found.append(
            {
                "count": len(true),
                **regression_metrics(true, predicted),
                "r2": float(r2_score(true, predicted)) if varies else np.nan,
                "spearman": float(spearmanr(true, predicted).statistic) if ordered else np.nan,
            }
        )
    return found


def subset_metrics(
    y_true: FloatArray, y_pred: FloatArray, subsets: Mapping[str, NDArray[np.bool_]]
) -> dict[str, dict[str, float]]:
    """Return the regression metrics of each subset that holds a sample, by its name.

    With the subset "cliff" of a MoleculeACE dataset its "rmse" is the cliff RMSE of van Tilborg,
    Alenicheva and Grisoni (J. Chem. Inf. Model. 62 (2022) 5938-5951).

    Args:
        y_true: (N, t), NaN where missing.
        y_pred: (N, t), in the same unit.
        subsets: (N,) masks by name.

    Raises:
        BadValueError: a mask of another shape.

    >>> y_true, y_pred = np.zeros((3, 1)), np.array([[1.0], [2.0], [2.0]])
    >>> errors = subset_metrics(y_true, y_pred, {"cliff": np.array([False, True, True])})
    >>> errors["cliff"]["rmse"]
    2.0
    """
    for name, mask in subsets.items():
        if mask.shape != (len(y_true),):
            raise BadValueError(
                f"mask of subset {name!r}: expected shape ({len(y_true)},), got {mask.shape}"
            )
    return {
        name: regression_metrics(y_true[mask], y_pred[mask])
        for name, mask in subsets.items()
        if mask.any()
    }
