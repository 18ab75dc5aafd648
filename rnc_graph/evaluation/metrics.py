"""Errors of predictions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mean_absolute_error, mean_squared_error

# Each with the power of the targets' unit that it is in.
METRICS: Mapping[str, int] = {"mae": 1, "rmse": 1, "mse": 2}


def regression_metrics(
    measured: NDArray[np.float64], predicted: NDArray[np.float64]
) -> dict[str, float]:
    """Return MAE, RMSE and MSE of predictions (N, t), over all molecules and targets.

    >>> errors = regression_metrics(np.array([[0.0], [0.0]]), np.array([[3.0], [4.0]]))
    >>> errors["mae"], errors["mse"], round(errors["rmse"], 4)
    (3.5, 12.5, 3.5355)
    """
    mse = float(mean_squared_error(measured, predicted))
    return {
        "mae": float(mean_absolute_error(measured, predicted)),
        "rmse": float(np.sqrt(mse)),
        "mse": mse,
    }
