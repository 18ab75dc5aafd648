import numpy as np
import pytest

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.regression import metrics_by_target, regression_metrics

NAN = np.nan


def test_errors_are_over_all_molecules_and_targets():
    measured = np.array([[0.0, 1.0], [2.0, 3.0]])
    predicted = measured + np.array([[1.0, -1.0], [2.0, 0.0]])
    assert regression_metrics(measured, predicted) == pytest.approx(
        {"mae": 1.0, "mse": 1.5, "rmse": 1.5**0.5}
    )


def test_what_is_missing_is_in_no_mean() -> None:
    measured = np.array([[0.0, NAN], [2.0, 3.0], [NAN, NAN]])
    predicted = np.array([[1.0, 99.0], [4.0, 3.0], [99.0, 99.0]])
    assert regression_metrics(measured, predicted) == pytest.approx(
        {"mae": 1.0, "mse": 5 / 3, "rmse": (5 / 3) ** 0.5}
    )
    assert all(np.isnan(v) for v in regression_metrics(measured * NAN, predicted).values())


def test_each_target_is_judged_by_its_own_known_entries() -> None:
    rng = np.random.default_rng(0)
    measured, predicted = rng.normal(size=(2, 30, 2))
    lost = rng.random((30, 2)) < 0.3
    for column, found in enumerate(metrics_by_target(np.where(lost, NAN, measured), predicted)):
        x, y = measured[~lost[:, column], column], predicted[~lost[:, column], column]
        ranks = np.corrcoef(x.argsort().argsort(), y.argsort().argsort())[0, 1]
        assert found == pytest.approx(
            {
                "count": len(x),
                "mae": np.abs(x - y).mean(),
                "mse": ((x - y) ** 2).mean(),
                "rmse": ((x - y) ** 2).mean() ** 0.5,
                "r2": 1 - ((x - y) ** 2).sum() / ((x - x.mean()) ** 2).sum(),
                "spearman": ranks,
            }
        )


@pytest.mark.filterwarnings("error")
def test_what_the_entries_do_not_define_is_nan() -> None:
    measured = np.array([[NAN, 1.0, 1.0, NAN], [NAN, 1.0, 2.0, 5.0]])
    none, equal, flat, one = metrics_by_target(
        measured, np.array([[0.0] * 4, [0.0, 1.0, 0.0, 4.0]])
    )
    assert none["count"] == 0
    assert np.isnan([none["mae"], none["r2"], none["spearman"]]).all()
    assert equal["mae"] == 0.5
    assert np.isnan([equal["r2"], equal["spearman"]]).all()
    assert flat["r2"] == pytest.approx(-9.0)
    assert np.isnan(flat["spearman"])
    assert (one["count"], one["mae"]) == (1, 1.0)
    assert np.isnan(one["r2"])


def test_a_prediction_that_is_missing_is_named() -> None:
    with pytest.raises(BadValueError, match=r"y_pred: .* got NaN for number 2 of these"):
        metrics_by_target(np.array([[1.0], [2.0]]), np.array([[1.0], [np.nan]]))
