"""What is said about more data, and when nothing is."""

import numpy as np
import pytest

from rnc_graph.models.comparison import error_shares
from rnc_graph.models.learning_curve import TargetCurve
from rnc_graph.reporting.learning_curves import forecast

SIZES = [100, 100, 200, 200, 400, 800]


def curve(errors: list[float]) -> TargetCurve:
    sizes, draws = SIZES[: len(errors)], [0, 1, 0, 1, 0, 0][: len(errors)]
    # Two molecules in three have no error.
    shares = [error_shares(np.array([3**0.5 * e, 0, 0] * 50), np.arange(150)) for e in errors]
    by_molecule = [share["rmse"] for share in shares]
    return TargetCurve(
        "y", "", sizes, [size / 800 for size in sizes], draws, errors, errors, by_molecule
    )


def test_a_power_law_is_found() -> None:
    noise = 1 + 0.01 * np.random.default_rng(0).normal(size=6)
    law = curve((2 * np.array(SIZES) ** -0.3 * noise).tolist()).power_law()
    assert law is not None
    assert law.exponent == pytest.approx(0.3, abs=0.03)
    assert law.low < 0.3 < law.high
    assert law.error(1600) == pytest.approx(2 * 1600**-0.3, rel=0.03)
    said = forecast(curve((2 * np.array(SIZES) ** -0.3 * noise).tolist()))
    assert "with twice the 800 training molecules the RMSE would fall by 19% (95% " in said


def test_the_interval_knows_the_chance_of_draws_and_of_the_test_set() -> None:
    """It covers in nineteen of twenty, where draws differ and test molecules are few."""
    rng = np.random.default_rng(0)
    sizes = np.array([100, 100, 100, 200, 200, 200, 400, 400, 400, 800])
    draws = np.array([0, 1, 2] * 3 + [0])
    covered, narrow = [], []
    for _ in range(200):
        # The models of a draw share its luck, and those evaluated on a molecule its slope.
        luck, slope = rng.normal(0, 0.02, 3), rng.normal(0, 0.03, 40)
        molecules = np.abs(rng.normal(1, 0.3, 40))
        errors = [
            molecules * size ** (slope - 0.3) * (size / 800) ** luck[draw]
            for size, draw in zip(sizes, draws, strict=True)
        ]
        shares = [error_shares(e, np.arange(40))["rmse"] for e in errors]
        rmse = [float(np.sqrt(np.mean(e**2))) for e in errors]
        law = TargetCurve(
            "y", "", sizes.tolist(), (sizes / 800).tolist(), draws.tolist(), rmse, rmse, shares
        ).power_law()
        assert law is not None
        covered.append(law.low < 0.3 < law.high)
        narrow.append(law.high - law.low)
    assert np.mean(covered) > 0.93
    assert np.mean(narrow) < 0.3


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
    found = curve(errors)
    assert found.power_law() is None
    found.by_molecule[:] = [share[:1] for share in found.by_molecule]  # One test molecule.
    assert found.power_law() is None
    assert "follow no power law" in forecast(curve(errors))
