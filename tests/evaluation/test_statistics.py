import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnc_graph.evaluation import compare, summarise
from rnc_graph.evaluation.statistics import holm


def test_one_seed_has_no_spread():
    assert summarise([0.3]).sd is None
    assert summarise([0.3, 0.5]).sd == pytest.approx(np.std([0.3, 0.5], ddof=1))


def test_paired_difference_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=8)
    row = reference + rng.normal(0.5, 0.2, size=8)
    found = compare({"row": row.tolist()}, reference.tolist())["row"]
    expected = stats.ttest_rel(row, reference)
    interval = expected.confidence_interval(0.95)
    assert found.mean == pytest.approx((row - reference).mean())
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p_holm == pytest.approx(found.p)
    assert found.n == 8


def test_a_difference_without_spread_is_not_tested():
    found = compare({"same": [1.0, 2.0], "other": [1.5, 2.1]}, [1.0, 2.0])
    assert found["same"].p is None
    assert found["same"].mean == 0
    assert found["other"].p_holm == found["other"].p, "an untested row counts in no family"
    assert compare({"row": [1.0]}, [2.0])["row"].low is None


def test_holm_against_its_definition():
    assert holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx([0.03, 0.04, 0.04, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni(p_values):
    corrected = holm(p_values)
    for p, c in zip(p_values, corrected, strict=True):
        assert p <= c <= min(1.0, p * len(p_values))
    by_p = [c for _, c in sorted(zip(p_values, corrected, strict=True))]
    assert by_p == sorted(by_p), "the order of the p values stays"
