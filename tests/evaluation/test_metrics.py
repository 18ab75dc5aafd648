import numpy as np
import pytest

from rnc_graph.evaluation import regression_metrics


def test_errors_are_over_all_molecules_and_targets():
    measured = np.array([[0.0, 1.0], [2.0, 3.0]])
    predicted = measured + np.array([[1.0, -1.0], [2.0, 0.0]])
    assert regression_metrics(measured, predicted) == pytest.approx(
        {"mae": 1.0, "mse": 1.5, "rmse": 1.5**0.5}
    )
