import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.errors import BadValueError, RncGraphError
from rnc_graph.metrics import ConformalIntervals, coverage


@given(scores=st.lists(st.integers(0, 9), min_size=1, max_size=40), level=st.floats(0.01, 0.99))
def test_the_quantile_is_the_least_score_that_covers_enough(scores: list[int], level: float):
    values = np.array(scores, dtype=float)[:, None]
    intervals = ConformalIntervals.calibrate(
        values, np.zeros_like(values), np.ones_like(values), np.arange(len(values))
    )
    (width,) = intervals.half_widths(np.ones((1, 1)), level)[0]
    needed = level * (len(scores) + 1) - 1e-9
    enough = [s for s in sorted(scores) if sum(other <= s for other in scores) >= needed]
    assert width == (enough[0] if enough else math.inf)


def test_the_coverage_is_what_is_promised():
    random = np.random.default_rng(0)
    level, n, covered = 0.9, 43, []
    for _ in range(3_000):
        scale = random.uniform(0.1, 3.0, (n + 20, 1))
        measured, predicted = scale * random.standard_normal((n + 20, 1)), np.zeros((n + 20, 1))
        intervals = ConformalIntervals.calibrate(
            measured[:n], predicted[:n], scale[:n], np.arange(n)
        )
        reach = intervals.half_widths(scale[n:], level)
        covered.append(coverage(measured[n:], -reach, reach))
    assert level - 0.005 < np.mean(covered) < level + 1 / (n + 1) + 0.005


def test_missing_targets_are_left_out_and_difficult_molecules_get_more():
    nan = np.nan
    measured = np.array([[1.0, nan], [2.0, nan], [3.0, 5.0]])
    intervals = ConformalIntervals.calibrate(
        measured, np.zeros((3, 2)), np.ones((3, 2)), np.arange(3)
    )
    assert intervals.counts == [3, 1]
    assert intervals.highest_levels == [0.75, 0.5]
    found = intervals.half_widths(np.array([[1.0, 1.0], [2.0, 3.0]]), 0.5)
    assert found.tolist() == [[2.0, 5.0], [4.0, 15.0]]
    assert intervals.half_widths(np.ones((1, 2)), 0.7).tolist() == [[3.0, math.inf]]


def test_samples_of_a_molecule_count_as_one():
    """A new sample of a new molecule is covered, however many samples those that calibrate have."""
    random = np.random.default_rng(0)
    level, n, covered = 0.9, 19, []
    for _ in range(3_000):
        molecules = np.arange(n + 1).repeat([*random.integers(1, 40, n), 1])
        measured = (random.standard_normal(n + 1) * random.uniform(0.1, 3.0))[molecules, None]
        measured = measured + 0.1 * random.standard_normal(measured.shape)
        nothing, same = np.zeros_like(measured), np.ones_like(measured)
        intervals = ConformalIntervals.calibrate(
            measured[:-1], nothing[:-1], same[:-1], molecules[:-1]
        )
        reach = intervals.half_widths(same[-1:], level)
        covered.append(coverage(measured[-1:], -reach, reach))
    assert intervals.counts == [n]
    assert level - 0.015 < np.mean(covered) < level + 1 / (n + 1) + 0.015


def test_a_molecule_measured_often_weighs_as_much_as_one_measured_once():
    errors = np.array([5.0, 1.0, 1.0, 2.0, 3.0])[:, None]
    args = np.zeros_like(errors), np.ones_like(errors), np.array([0, 1, 1, 1, 2])
    found = ConformalIntervals.calibrate(errors, *args)
    assert found.scores.T.tolist() == [[2.0, 3.0, 5.0]]


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 90.0, math.nan])
def test_levels_lie_between_0_and_1(level: float):
    with pytest.raises(RncGraphError, match="between 0 and 1"):
        ConformalIntervals(np.zeros((3, 1))).half_widths(np.ones((1, 1)), level)


def test_values_and_intervals_of_other_shapes_are_not_broadcast():
    inside = np.zeros((5, 1))
    assert coverage(inside, inside - 1, inside + 1) == 1
    with pytest.raises(BadValueError, match=r"of one shape, got \(5,\), \(5, 1\) and \(5, 1\)"):
        coverage(inside[:, 0], inside - 1, inside + 1)


def test_nothing_measured_has_no_coverage():
    assert math.isnan(coverage(np.full((2, 1), np.nan), np.zeros((2, 1)), np.ones((2, 1))))
