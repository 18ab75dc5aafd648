"""Every number against plain loops, numerical integrals, simulations or published values."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from rnc_graph.metrics import PairedDifference, Summary, compare, summarize, summarize_all
from rnc_graph.metrics.statistics import detectable_difference, holm, tied_with_best

# Two-sided 5% points of Student's t, from printed tables, by degrees of freedom.
T_975 = {1: 12.706, 2: 4.303, 4: 2.776, 7: 2.365, 9: 2.262, 19: 2.093}


def mean_and_sd(values: list[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def two_sided(t: float, degrees: int) -> float:
    """Return twice the tail beyond t of Student's density, integrated."""
    scale = math.gamma((degrees + 1) / 2) / (math.sqrt(degrees * math.pi) * math.gamma(degrees / 2))
    tail, _ = integrate.quad(
        lambda x: (1 + x * x / degrees) ** (-(degrees + 1) / 2), abs(t), np.inf, epsabs=1e-13
    )
    return 2 * scale * tail


def signed_ranks(differences: list[float]) -> float:
    """Return Wilcoxon's exact p value by trying all signs; no zeros, no ties."""
    sizes = sorted(abs(d) for d in differences)
    ranks = [sizes.index(abs(d)) + 1 for d in differences]
    total = sum(ranks)

    def distance(signs: tuple[int, ...]) -> float:
        return abs(sum(r for r, s in zip(ranks, signs, strict=True) if s > 0) - total / 2)

    observed = distance(tuple(1 if d > 0 else -1 for d in differences))
    every = list(itertools.product((-1, 1), repeat=len(ranks)))
    return sum(distance(signs) >= observed for signs in every) / len(every)


def draws(n: int, seed: int = 0, mean: float = 0.4) -> list[float]:
    return np.random.default_rng(seed).normal(mean, 1.0, size=n).tolist()


@pytest.mark.parametrize("n", [2, 3, 5, 8, 10, 20])
def test_the_summary_of_a_row(n: int):
    values = draws(n)
    found = summarize(values)
    mean, sd = mean_and_sd(values)
    half = T_975[n - 1] * sd / math.sqrt(n)
    assert found.values == tuple(values)
    assert (found.mean, found.sd) == pytest.approx((mean, sd))
    # The printed tables have four digits.
    assert (found.low, found.high) == pytest.approx((mean - half, mean + half), abs=3e-4 * half)
    assert (found.bootstrap_low is None) == (found.bootstrap_high is None) == (n < 3)


def test_a_summary_without_spread():
    assert summarize([0.3]) == Summary(0.3, None, (0.3,))
    same = summarize([0.5] * 4)
    assert same == Summary(0.5, 0.0, (0.5,) * 4, 0.5, 0.5)
    assert summarize_all([]) == []
    # A row beside it changes nothing, whether it has a spread or not.
    assert summarize_all([[0.5] * 4, draws(4)]) == [same, summarize(draws(4))]


def test_a_missing_value_stays_missing():
    found = summarize_all([[1.0, math.nan, 2.0], draws(3)])
    assert math.isnan(found[0].mean)
    assert math.isnan(found[0].low)
    assert found[1] == summarize(draws(3))


def test_the_bootstrap_against_all_resamples():
    """Five values have 3,125 equally likely resamples: the percentiles need no drawing."""
    values = [0.1, 0.25, 0.3, 0.7, 1.9]
    means = sorted(sum(sample) / 5 for sample in itertools.product(values, repeat=5))
    low, high = (means[round(share * (len(means) - 1))] for share in (0.025, 0.975))
    found = summarize(values)
    # With 2,000 draws a percentile is off by a third of a percent of them.
    near = [means[int(share * len(means))] for share in (0.017, 0.034, 0.966, 0.983)]
    assert near[0] <= found.bootstrap_low <= near[1]
    assert near[2] <= found.bootstrap_high <= near[3]
    assert found.bootstrap_low == pytest.approx(low, abs=0.05)
    assert found.bootstrap_high == pytest.approx(high, abs=0.05)
    difference = compare({"row": values}, [0.0] * 5)["row"]
    assert (difference.bootstrap_low, difference.bootstrap_high) == (
        found.bootstrap_low,
        found.bootstrap_high,
    )
    assert summarize(values) == found, "the same draws each time"


@pytest.mark.parametrize("n", [2, 3, 5, 8, 10])
@pytest.mark.parametrize("test_share", [0.0, 0.125, 0.5])
def test_every_field_of_a_difference(n: int, test_share: float):
    reference, row = draws(n, 1), draws(n, 2, 0.9)
    found = compare({"row": row}, reference, test_share)["row"]
    differences = [a - b for a, b in zip(row, reference, strict=True)]
    mean, sd = mean_and_sd(differences)
    error = sd / math.sqrt(n)
    half = T_975[n - 1] * error
    # Nadeau and Bengio: 1/n + n_test / n_train in place of 1/n.
    corrected = sd * math.sqrt(1 / n + test_share)
    corrected_half = T_975[n - 1] * corrected
    assert found.n == n
    assert found.mean == pytest.approx(mean)
    assert (found.uncorrected_low, found.uncorrected_high) == pytest.approx(
        (mean - half, mean + half), abs=3e-4 * half
    )
    assert found.uncorrected_p == pytest.approx(two_sided(mean / error, n - 1), rel=1e-8)
    assert (found.low, found.high) == pytest.approx(
        (mean - corrected_half, mean + corrected_half), abs=3e-4 * corrected_half
    )
    assert found.p == pytest.approx(two_sided(mean / corrected, n - 1), rel=1e-8)
    assert found.effect == pytest.approx(mean / sd)
    assert found.wilcoxon == pytest.approx(signed_ranks(differences))
    assert (found.p_holm, found.wilcoxon_holm) == pytest.approx((found.p, found.wilcoxon))
    assert found.wins == sum(a < b for a, b in zip(row, reference, strict=True))
    assert found.losses == sum(a > b for a, b in zip(row, reference, strict=True))
    assert found.ties == 0
    # As of independent seeds with the variance that the correction assumes.
    assert found.detectable == pytest.approx(detectable_difference(corrected * math.sqrt(n), n))


def test_students_sleep():
    """The data of Student's own paper (Biometrika 6, 1908): t = 4.0621, p = 0.002833."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = compare({"second": second}, first)["second"]
    assert found.mean == pytest.approx(1.58)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=5e-7)
    assert (found.wins, found.ties, found.losses) == (0, 1, 9)


@given(st.lists(st.integers(-40, 40), min_size=2, max_size=8))
def test_wilcoxon_against_all_signs(values: list[int]):
    sizes = [abs(v) for v in values]
    if 0 in sizes or len(set(sizes)) < len(sizes):
        return
    found = compare({"row": [float(v) for v in values]}, [0.0] * len(values))["row"]
    assert found.wilcoxon == pytest.approx(signed_ranks(values))


@pytest.mark.parametrize("n", [2, 5, 10, 30])
def test_the_detectable_difference_is_shown_four_times_in_five(n: int):
    sd, runs = 0.3, 40_000
    difference = detectable_difference(sd, n)
    samples = np.random.default_rng(n).normal(difference, sd, size=(runs, n))
    t = samples.mean(1) / (samples.std(1, ddof=1) / n**0.5)
    # In the right direction; a standard error of the share is 0.002.
    shown = (t > stats.t.ppf(0.975, n - 1)).mean()
    assert shown == pytest.approx(0.8, abs=0.008)
    assert detectable_difference(2 * sd, n) == pytest.approx(2 * difference)


def test_a_difference_without_spread_is_not_tested():
    found = compare({"same": [1.0, 2.0], "moved": [1.5, 2.5], "other": [1.5, 2.1]}, [1.0, 2.0])
    nothing = [None] * 4
    assert found["same"] == PairedDifference(0.0, *nothing, 2, ties=2)
    assert found["moved"] == PairedDifference(0.5, *nothing, 2, losses=2)
    assert found["other"].p_holm == found["other"].p, "an untested row counts in no family"
    assert compare({"row": [1.0]}, [2.0])["row"] == PairedDifference(-1.0, *nothing, 1, wins=1)
    assert compare({}, [1.0, 2.0]) == {}


def test_a_constant_difference_has_no_spread_but_rounding():
    """Written in decimals, as read from a table: 0.1 on every seed, give or take a last bit."""
    reference = [0.3, 0.7, 1.1, 0.2, 0.65]
    row = [0.4, 0.8, 1.2, 0.3, 0.75]
    assert len({a - b for a, b in zip(row, reference, strict=True)}) > 1
    found = compare({"row": row}, reference)["row"]
    assert found == PairedDifference(found.mean, *[None] * 4, 5, losses=5)
    assert found.mean == pytest.approx(0.1)


def test_rows_that_are_equal_but_for_rounding_are_ties():
    reference = [0.1 + 0.2, 0.7, 1.1]
    found = compare({"row": [0.3, 0.7, 1.1]}, reference)["row"]
    assert found == PairedDifference(0.0, *[None] * 4, 3, ties=3)
    assert tied_with_best({"a": [0.3, 0.7, 1.1], "b": reference}) == {"a", "b"}


def test_equal_seeds_among_others_are_ties():
    found = compare({"row": [1.0, 2.0, 2.5, 4.5]}, [1.0, 2.0, 3.0, 4.0])["row"]
    assert (found.wins, found.ties, found.losses) == (1, 2, 1)
    assert found.p == pytest.approx(1.0)
    assert found.wilcoxon == pytest.approx(1.0)


def test_holm_against_its_definition():
    assert holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx([0.03, 0.04, 0.04, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_against_a_plain_loop(p_values: list[float]):
    """The k-th smallest of m is multiplied by m - k + 1, and none falls below an earlier one."""
    expected = [0.0] * len(p_values)
    largest = 0.0
    left = list(range(len(p_values)))
    while left:
        smallest = min(left, key=lambda i: p_values[i])
        largest = max(largest, len(left) * p_values[smallest])
        expected[smallest] = min(1.0, largest)
        left.remove(smallest)
    assert holm(p_values) == pytest.approx(expected, abs=1e-12)


def test_the_family_is_all_rows_that_are_tested():
    reference = draws(6, 3)
    rows = {name: draws(6, seed, 1.5) for name, seed in (("a", 4), ("b", 5), ("c", 6))}
    found = compare({**rows, "same": reference}, reference)
    for one, corrected in (("p", "p_holm"), ("wilcoxon", "wilcoxon_holm")):
        expected = holm([getattr(found[name], one) for name in rows])
        assert [getattr(found[name], corrected) for name in rows] == pytest.approx(expected)
        assert getattr(found["same"], corrected) is None
    for name, row in rows.items():
        alone = compare({name: row}, reference)[name]
        assert alone.bootstrap_low == found[name].bootstrap_low, "its family changes no interval"


def test_what_is_tied_with_the_best():
    rng = np.random.default_rng(0)
    best = rng.normal(1.0, 0.1, size=8)
    rows = {
        "best": best,
        "close": best + rng.normal(0.1, 0.2, size=8),
        "far": best + rng.normal(1.0, 0.1, size=8),
        "same": best,
        "moved": best + 0.5,
    }
    as_lists = {name: values.tolist() for name, values in rows.items()}
    assert tied_with_best(as_lists) == {"best", "close", "same"}
    # As few training samples as to make any spread one of chance.
    assert tied_with_best(as_lists, 100.0) >= {"best", "close", "far", "same"}
    # Of one seed nothing can be told.
    assert tied_with_best({"a": [1.0], "b": [2.0]}) == {"a", "b"}
    assert tied_with_best({"a": [1.0, 2.0]}) == {"a"}


def test_ties_are_broken_by_holms_correction_not_by_single_tests():
    """A row that a single test would tell from the best is not told among many."""
    reference = [0.0] * 6
    row = [0.5, 0.9, 0.1, 0.6, -0.1, 0.3]
    p = compare({"row": row}, reference)["row"].p
    assert 0.025 < p < 0.05
    assert tied_with_best({"best": reference, "row": row}) == {"best"}
    others = {"another": [v + 0.01 * v**2 for v in row]}
    assert tied_with_best({"best": reference, "row": row, **others}) == {"best", "row", "another"}
