"""What is said about more data, and when nothing is."""

import numpy as np
import pytest

from rnc_graph.models.learning_curve import TargetCurve
from rnc_graph.reporting.learning_curves import forecast

SIZES = [100, 100, 200, 200, 400, 800]


def curve(errors: list[float]) -> TargetCurve:
    sizes = SIZES[: len(errors)]
    return TargetCurve("y", "", sizes, [size / 800 for size in sizes], errors, errors)


def test_a_power_law_is_found() -> None:
    noise = 1 + 0.01 * np.random.default_rng(0).normal(size=6)
    law = curve((2 * np.array(SIZES) ** -0.3 * noise).tolist()).power_law()
    assert law is not None
    assert law.exponent == pytest.approx(0.3, abs=0.03)
    assert law.low < 0.3 < law.high
    assert law.error(1600) == pytest.approx(2 * 1600**-0.3, rel=0.03)
    said = forecast(curve((2 * np.array(SIZES) ** -0.3 * noise).tolist()))
    assert "with twice the 800 training molecules the RMSE would fall by 19%" in said


@pytest.mark.parametrize(
    "errors",
    [
        [1.0, 1.1, 0.9, 1.1, 1.05, 0.95],  # No trend.
        [1.0, 1.0, 1.1, 1.1, 1.2, 1.3],  # The wrong one.
        [1.0, 1.0, 0.5, 0.5, 0.5, 0.5],  # It has ended.
        [1.0, 1.0, 0.8, 0.8, 0.6],  # Too few sizes.
        [0.8, 1.2, 0.7, 1.1, 0.8, 0.7],  # The mean falls, but models of a size differ as much.
        [0.0] * 6,
    ],
)
def test_nothing_is_extrapolated_from_other_curves(errors: list[float]) -> None:
    assert curve(errors).power_law() is None
    assert "follow no power law" in forecast(curve(errors))
