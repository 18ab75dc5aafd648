"""Mean and spread over seeds, paired differences with intervals and p values, and average ranks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import FloatArray

CONFIDENCE = 0.95
SIGNIFICANT = 0.05
POWER = 0.8

_RESAMPLES = 2000

Ends = tuple[float | None, float | None]
"""Of an interval; None where undefined."""


@dataclass(frozen=True)
class Summary:
    """Summary of one value a seed. Fields that need more seeds are None.

    ``sd`` is the sample standard deviation; ``low`` and ``high`` are the ends of the 95% interval
    of the mean by Student's t, ``bootstrap_low`` and ``bootstrap_high`` of its percentile interval.
    """

    mean: float
    sd: float | None
    values: tuple[float, ...]
    low: float | None = None
    high: float | None = None
    bootstrap_low: float | None = None
    bootstrap_high: float | None = None


def summarize(values: Sequence[float]) -> Summary:
    """Return mean, spread and intervals of one value a seed."""
    return summarize_all([values])[0]


def summarize_all(rows: Sequence[Sequence[float]]) -> list[Summary]:
    """Summarize rows with the same number of values, all at once."""
    if not rows:
        return []
    table = np.asarray(rows, dtype=np.float64)
    summaries = []
    for row, bootstrap in zip(table, _bootstrap(table), strict=True):
        mean, values = float(row.mean()), tuple(row.tolist())
        if len(row) < 2:
            summaries.append(Summary(mean, None, values))
            continue
        sd = float(row.std(ddof=1))
        half = _half_width(sd / len(row) ** 0.5, len(row))
        summaries.append(Summary(mean, sd, values, mean - half, mean + half, *bootstrap))
    return summaries


def _half_width(error: float, n: int) -> float:
    """Return half the width of the t interval of a mean, given its standard error."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error


def _bootstrap(table: FloatArray) -> list[Ends]:
    """Return the percentile interval of each row's mean, with the same draws for all rows.

    It is None below three seeds, or without spread.
    """
    spread = np.ptp(table, axis=1) > 0
    found: list[Ends] = [(None, None)] * len(table)
    if table.shape[1] < 3 or not spread.any():
        return found
    result = stats.bootstrap(
        (table[spread],),
        np.mean,
        axis=1,
        vectorized=True,
        n_resamples=_RESAMPLES,
        batch=_RESAMPLES // 20,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(0),
    )
    ends = np.stack(result.confidence_interval, axis=1).tolist()
    for row, (low, high) in zip(np.flatnonzero(spread).tolist(), ends, strict=True):
        found[row] = low, high
    return found


@dataclass(frozen=True)
class PairedDifference:
    """Differences to a reference on the same seeds. None where undefined.

    Attributes:
        mean: of the differences; negative is a smaller error than that of the reference.
        low, high: 95% interval of the mean, by the paired t test, corrected for overlapping splits
            where they are (Nadeau and Bengio, Machine Learning 52, 2003).
        p, p_holm: its two-sided p value, and after Holm's correction over all rows compared.
        n: seeds.
        bootstrap_low, bootstrap_high: 95% percentile interval of the mean.
        wilcoxon, wilcoxon_holm: two-sided p values of Wilcoxon's signed-rank test.
        uncorrected_low, uncorrected_high, uncorrected_p: of the paired t test as if the splits did
            not overlap, before Holm's correction.
        effect: Cohen's d of the differences, their mean over their standard deviation.
        wins, ties, losses: seeds with a smaller, an equal and a greater value than the reference's.
        detectable: the smallest true difference that is significant at the 5% level with 80% power,
            by this test, for this number of seeds and this spread.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    n: int
    bootstrap_low: float | None = None
    bootstrap_high: float | None = None
    wilcoxon: float | None = None
    wilcoxon_holm: float | None = None
    uncorrected_low: float | None = None
    uncorrected_high: float | None = None
    uncorrected_p: float | None = None
    effect: float | None = None
    wins: int = 0
    ties: int = 0
    losses: int = 0
    detectable: float | None = None


def compare(
    rows: Mapping[str, Sequence[float]], reference: Sequence[float], test_share: float = 0.0
) -> dict[str, PairedDifference]:
    """Compare each row with the reference, seed by seed, as one family for Holm's correction.

    Args:
        rows: one value a seed, by row.
        reference: those of the reference.
        test_share: the samples of the test set over those of the training set, where the seeds are
            random splits of one dataset. Their training sets overlap: intervals are
            sqrt(1 + n * ``test_share``) times as wide as of independent ones.
    """
    if not rows:
        return {}
    table = np.asarray(list(rows.values()), dtype=np.float64)
    table = _differences(table, np.asarray(reference, dtype=np.float64))
    found = {
        name: _paired(difference, test_share, interval)
        for name, difference, interval in zip(rows, table, _bootstrap(table), strict=True)
    }
    t, wilcoxon = (
        _corrected({name: p for name, d in found.items() if (p := getattr(d, test)) is not None})
        for test in ("p", "wilcoxon")
    )
    return {
        name: replace(d, p_holm=t.get(name), wilcoxon_holm=wilcoxon.get(name))
        for name, d in found.items()
    }


def _differences(table: FloatArray, reference: FloatArray) -> FloatArray:
    """Return each row's (R, n) differences to the reference (n,), without rounding errors.

    Else rows that differ by a constant would have a spread, and a p value near 0.
    """
    found = table - reference
    largest = np.maximum(np.abs(table).max(axis=1), np.abs(reference).max())[:, None]
    rounding = 4 * np.finfo(np.float64).eps * largest
    found = np.where(np.abs(found) <= rounding, 0.0, found)
    level = np.ptp(found, axis=1, keepdims=True) <= rounding
    return np.where(level, found[:, :1], found)


def _corrected(p_values: Mapping[str, float]) -> dict[str, float]:
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _paired(difference: FloatArray, test_share: float, bootstrap: Ends) -> PairedDifference:
    mean, n = float(difference.mean()), len(difference)
    wins, ties, losses = (int(x.sum()) for x in (difference < 0, difference == 0, difference > 0))
    plain = PairedDifference(mean, None, None, None, None, n, wins=wins, ties=ties, losses=losses)
    # Nothing to test without spread: one seed, or a row that equals the reference.
    if n < 2 or np.ptp(difference) == 0:
        return plain
    sd = float(difference.std(ddof=1))
    wider = (1 + n * test_share) ** 0.5
    error = sd / n**0.5
    half = _half_width(error, n)
    return replace(
        plain,
        low=mean - wider * half,
        high=mean + wider * half,
        p=_two_sided(mean / (wider * error), n),
        bootstrap_low=bootstrap[0],
        bootstrap_high=bootstrap[1],
        wilcoxon=float(stats.wilcoxon(difference).pvalue),
        uncorrected_low=mean - half,
        uncorrected_high=mean + half,
        uncorrected_p=_two_sided(mean / error, n),
        effect=mean / sd,
        detectable=detectable_difference(wider * sd, n),
    )


def _two_sided(t: float, n: int) -> float:
    """Return the p value of Student's t of n values."""
    return float(2 * stats.t.sf(abs(t), n - 1))


def detectable_difference(sd: float, n: int) -> float:
    """Return the smallest true mean difference that a paired t test detects with 80% power.

    Of n >= 2 seeds whose differences have the standard deviation ``sd``.
    """
    return sd * _detectable_effect(n)


@cache
def _detectable_effect(n: int) -> float:
    critical = float(stats.t.ppf(1 - SIGNIFICANT / 2, n - 1))

    def lacking(effect: float) -> float:
        # The probability of the wrong sign is negligible at this power.
        return POWER - float(stats.nct.sf(critical, n - 1, effect * n**0.5))

    largest = critical / n**0.5
    while lacking(largest) > 0:
        largest *= 2
    return float(optimize.brentq(lacking, 0.0, largest))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for multiple comparisons (Holm, Scand. J. Statist. 6, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    steps = np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected.tolist()


def tied_with_best(rows: Mapping[str, Sequence[float]], test_share: float = 0.0) -> set[str]:
    """Return the best row by mean, and the rows that do not differ from it significantly.

    By the tests of :func:`compare`. A row with the same values, or of one seed, is tied; a row
    whose values differ by a constant is not.
    """
    best = min(rows, key=lambda name: float(np.mean(rows[name])))
    tied, p_values = {best}, {}
    for name, values in rows.items():
        own, least = (np.asarray(found, dtype=np.float64) for found in (values, rows[best]))
        (difference,) = _differences(own[None], least)
        if len(difference) < 2 or not difference.any():
            tied.add(name)
        elif np.ptp(difference) > 0:
            n = len(difference)
            error = float(difference.std(ddof=1)) * (1 / n + test_share) ** 0.5
            p_values[name] = _two_sided(float(difference.mean()) / error, n)
    return tied | {name for name, p in _corrected(p_values).items() if p >= SIGNIFICANT}


@dataclass(frozen=True)
class Ranking:
    """Average ranks of k methods over N datasets, with critical difference (Demšar, JMLR 7, 2006).

    Attributes:
        names: of the methods, the best first.
        ranks: their average ranks, from 1.
        datasets: N.
        friedman: p value of Friedman's test that all methods are equal.
        critical: critical difference of Nemenyi's test: the smallest significant difference of two
            average ranks at the 5% level. Both are None below three methods or two datasets.
        groups: longest runs of methods without a significant difference, as first and last index.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    datasets: int
    friedman: float | None
    critical: float | None
    groups: tuple[tuple[int, int], ...]


def rank_methods(errors: NDArray[np.float64], names: Sequence[str]) -> Ranking:
    """Rank k methods by their finite errors (N, k) on each dataset, of which smaller is better.

    Ties share their mean rank.
    """
    errors = np.asarray(errors, dtype=np.float64)
    if errors.ndim != 2 or errors.shape[1] != len(names) or not np.isfinite(errors).all():
        raise BadValueError(
            f"errors: expected finite numbers, datasets x {len(names)} methods, got shape "
            f"{errors.shape}"
        )
    count, k = errors.shape
    average = stats.rankdata(errors, axis=1).mean(axis=0)
    order = np.argsort(average, kind="stable")
    ranks = tuple(average[order].tolist())
    friedman = critical = None
    groups: list[tuple[int, int]] = []
    if k >= 3 and count >= 2:
        varied = np.ptp(errors, axis=1).any()
        friedman = float(stats.friedmanchisquare(*errors.T).pvalue) if varied else 1.0
        quantile = float(stats.studentized_range.ppf(1 - SIGNIFICANT, k, np.inf))
        critical = quantile / 2**0.5 * (k * (k + 1) / (6 * count)) ** 0.5
        for first, rank in enumerate(ranks):
            last = max(i for i, other in enumerate(ranks) if other - rank <= critical)
            # A group inside an earlier one is redundant.
            if last > first and (not groups or last > groups[-1][1]):
                groups.append((first, last))
    methods = tuple(names[i] for i in order)
    return Ranking(methods, ranks, count, friedman, critical, tuple(groups))
