import numpy as np
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.metrics.regression import regression_metrics, subset_metrics


def test_the_cliff_rmse_is_that_of_the_molecules_with_a_cliff() -> None:
    rng = np.random.default_rng(0)
    measured, predicted = rng.normal(size=(2, 50, 1))
    cliff = rng.random(50) < 0.4
    errors = subset_metrics(measured, predicted, {"cliff": cliff, "all": np.full(50, True)})
    # The loop of the paper's definition.
    squares = [
        (p - m) ** 2 for m, p, c in zip(measured[:, 0], predicted[:, 0], cliff, strict=True) if c
    ]
    assert errors["cliff"]["rmse"] == pytest.approx((sum(squares) / len(squares)) ** 0.5)
    assert errors["all"] == regression_metrics(measured, predicted)


def test_a_subset_without_molecules_has_no_error() -> None:
    measured = np.zeros((3, 1))
    assert subset_metrics(measured, measured, {"cliff": np.zeros(3, dtype=bool)}) == {}


def test_a_mask_of_other_molecules_is_refused() -> None:
    measured = np.zeros((3, 1))
    with pytest.raises(RncGraphError, match=r"'cliff': expected shape \(3,\), got \(4,\)"):
        subset_metrics(measured, measured, {"cliff": np.zeros(4, dtype=bool)})
