"""Values, bounds and weights of one target."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import truncnorm

from rnc_graph.data.bounds import weighted_bounds
from rnc_graph.models.columns import Column, expected_beyond, known_columns


def test_the_expected_value_is_that_of_a_truncated_normal() -> None:
    bounds, mean, sd = np.array([-1.0, 0.5, 3.0]), np.array([0.0, 0.2, -1.0]), 0.7
    reach = (bounds - mean) / sd
    above = truncnorm.mean(reach, np.inf, loc=mean, scale=sd)
    below = truncnorm.mean(-np.inf, reach, loc=mean, scale=sd)
    np.testing.assert_allclose(expected_beyond(bounds, np.ones(3), mean, sd), above, rtol=1e-6)
    np.testing.assert_allclose(expected_beyond(bounds, -np.ones(3), mean, sd), below, rtol=1e-6)
    # Far beyond what is predicted it is near the bound, and finite.
    far = expected_beyond(np.array([100.0]), np.ones(1), np.zeros(1), 0.1)
    assert far == pytest.approx(100, abs=1e-3)
    assert far > 100


def column(censored: list[int], values: NDArray[np.float64]) -> Column:
    return Column(np.arange(len(values)), values, np.array(censored, dtype=float), None)


def test_bounds_are_completed_and_values_are_kept() -> None:
    values = np.linspace(0, 1, 40)
    some = column([0] * 30 + [1] * 5 + [-1] * 5, values)
    learned = []

    def predict(part: Column, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        learned.append((part.rows.tolist(), np.flatnonzero(kept).tolist()))
        return values + 0.1

    found = some.completed(predict)
    assert learned[0][0] == learned[0][1]
    assert 24 <= len(learned[0][0]) < 40
    np.testing.assert_array_equal(found.values[:30], values[:30])
    assert (found.values[30:35] > values[30:35]).all()
    assert (found.values[35:] < values[35:]).all()
    assert not found.censored.any()


def test_rows_of_a_molecule_do_not_measure_what_it_teaches() -> None:
    """Three rows of each molecule, one of them a bound, are learned from or held out together."""
    smiles = [f"C{number // 3}" for number in range(60)]
    targets = torch.linspace(0, 1, 60, dtype=torch.float64)[:, None]
    censored = torch.tensor([[0.0], [0.0], [1.0]]).repeat(20, 1)
    (some,) = known_columns(
        weighted_bounds(targets, censored, torch.ones(60)), torch.arange(60), smiles
    )
    learned: list[int] = []

    def predict(part: Column, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        learned.extend(part.rows.tolist())
        return np.zeros(60)

    some.completed(predict)
    assert len(learned) == 48
    assert len({row // 3 for row in learned}) == 16


def test_without_bounds_or_with_few_values_nothing_is_predicted() -> None:
    def predict(part: Column, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        raise AssertionError

    few = Column(
        np.arange(60),
        np.arange(60.0),
        np.array([0.0, 1.0] * 30),
        None,
        molecules=np.repeat(np.arange(3), 20),
    )
    np.testing.assert_array_equal(few.completed(predict).values, few.values)
    values = np.arange(15.0)
    assert column([0] * 15, values).completed(predict).values is values
    np.testing.assert_array_equal(
        column([0, 1] * 7 + [0], values).completed(predict).values, values
    )


def test_what_is_known_of_each_target() -> None:
    nan = torch.nan
    targets = torch.tensor([[1.0, nan], [2.0, 5.0], [nan, 6.0]])
    first, second = known_columns(targets, torch.arange(3))
    assert (first.rows.tolist(), second.rows.tolist()) == ([0, 1], [1, 2])
    assert first.weights is None
    censored = torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.0, 0.0]])
    weighted = weighted_bounds(targets, censored, torch.tensor([0.5, 1.0, 1.5]))
    first, second = known_columns(weighted, torch.tensor([1, 2]))
    assert (first.rows.tolist(), first.censored.tolist()) == ([1], [1.0])
    assert first.weights is None  # Equal weights are none.
    assert second.censored.tolist() == [-1.0, 0.0]
    assert second.weights is not None
    assert second.weights.tolist() == [1.0, 1.5]


def test_an_error_of_zero_gives_numbers() -> None:
    bounds, mean = np.array([1.0, 1.0, 1.0]), np.array([0.0, 1.0, 2.0])
    found = expected_beyond(bounds, np.ones(3), mean, 0.0)
    np.testing.assert_allclose(found, [1.0, 1.0, 2.0], atol=2e-3)
