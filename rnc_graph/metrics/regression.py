"""Errors of predictions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

# Each with the power of the targets' unit that it is in.
METRICS: Mapping[str, int] = {"mae": 1, "rmse": 1, "mse": 2}


def regression_metrics(
    measured: NDArray[np.float64], predicted: NDArray[np.float64]
) -> dict[str, float]:
    """Return MAE, RMSE and MSE of predictions (N, t), over all samples and targets.

    Where a measured target is missing (NaN), they are over the known entries, each counting once;
    NaN if none is known.

    >>> errors = regression_metrics(np.array([[0.0], [0.0]]), np.array([[3.0], [4.0]]))
    >>> errors["mae"], errors["mse"], round(errors["rmse"], 4)
    (3.5, 12.5, 3.5355)
    """
    known = ~np.isnan(measured)
    if not known.any():
        return dict.fromkeys(METRICS, np.nan)
    if not known.all():
        measured, predicted = measured[known], predicted[known]
    mse = float(mean_squared_error(measured, predicted))
    return {
        "mae": float(mean_absolute_error(measured, predicted)),
        "rmse": float(np.sqrt(mse)),
        "mse": mse,
    }


def metrics_by_target(
    measured: NDArray[np.float64], predicted: NDArray[np.float64]
) -> list[dict[str, float]]:
    """Return for each of the t targets of (N, t) what its known entries say of the predictions.

    Each dict holds ``count``, the known entries; MAE, RMSE and MSE; ``r2``, the coefficient of
    determination; and ``spearman``, the rank correlation. A number that the entries do not define
    is NaN: all without an entry, ``r2`` where the measured ones are all equal, ``spearman`` where
    the measured or the predicted ones are.

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
    return [_of_one_target(*columns) for columns in zip(measured.T, predicted.T, strict=True)]


def _of_one_target(
    measured: NDArray[np.float64], predicted: NDArray[np.float64]
) -> dict[str, float]:
    known = ~np.isnan(measured)
    measured, predicted = measured[known], predicted[known]
    varies = len(measured) > 1 and np.ptp(measured) > 0
    ordered = varies and np.ptp(predicted) > 0
    return {
        "count": len(measured),
        **regression_metrics(measured, predicted),
        "r2": float(r2_score(measured, predicted)) if varies else np.nan,
        "spearman": float(spearmanr(measured, predicted).statistic) if ordered else np.nan,
    }
