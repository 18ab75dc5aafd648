"""Intervals that widen with distance."""

import numpy as np

from rnc_graph.models.widening import GRID, factors_at, widening


def _errors(slope: float, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    distance = random.random(count)
    errors = np.abs(random.normal(size=count)) * (1 + slope * distance)
    return errors[:, None], distance, np.arange(count) % 5


def test_factors_follow_errors_that_grow_with_distance() -> None:
    errors, distance, fold = _errors(4)
    factors, own = widening(errors, np.ones_like(errors), distance, fold)
    assert (np.diff(factors[0]) >= 0).all()
    assert factors[0, -1] > 2 * factors[0, 0]
    assert own.shape == errors.shape
    assert np.corrcoef(own[:, 0], distance)[0, 1] > 0.9


def test_no_factor_where_distance_says_nothing() -> None:
    errors, distance, fold = _errors(0)
    factors, own = widening(errors, np.ones_like(errors), distance, fold)
    assert (factors == 1).all()
    assert (own == 1).all()


def test_no_molecule_has_a_part_in_its_own_factor() -> None:
    errors, distance, fold = _errors(4)
    _, own = widening(errors, np.ones_like(errors), distance, fold)
    changed = errors.copy()
    changed[fold == 2] *= 100
    _, others = widening(changed, np.ones_like(errors), distance, fold)
    np.testing.assert_array_equal(own[fold == 2], others[fold == 2])
    assert not np.array_equal(own[fold == 1], others[fold == 1])


def test_targets_have_factors_of_their_own_and_few_molecules_none() -> None:
    errors, distance, fold = _errors(4)
    both = np.hstack([errors, errors])
    both[40:, 1] = np.nan
    factors, own = widening(both, np.ones_like(both), distance, fold)
    assert (factors[0] != 1).any()
    assert (factors[1] == 1).all()
    assert (own[:, 1] == 1).all()
    found = factors_at(factors, np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, factors[:, [0, -1]].T)
    assert len(GRID) == factors.shape[1]
