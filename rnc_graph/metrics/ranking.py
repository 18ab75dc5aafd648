"""Average ranks of methods over datasets, with critical difference (Demšar, JMLR 7, 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.statistics import SIGNIFICANT


@dataclass(frozen=True)
class Ranking:
    """Average ranks of k methods over N datasets.

    Attributes:
        names: of the methods, the best first.
        ranks: their average ranks, from 1.
        conditions: N.
        friedman: p value of Friedman's test that all methods are equal; None below three methods
            or two datasets.
        critical: critical difference of Nemenyi's test: the smallest significant difference of two
            average ranks at the 5% level; None as above.
        groups: longest runs of methods without a significant difference, each as first and last
            index in ``names``.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    conditions: int
    friedman: float | None
    critical: float | None
    groups: tuple[tuple[int, int], ...]


def rank_methods(errors: NDArray[np.float64], names: Sequence[str]) -> Ranking:
    """Rank methods by their errors on each dataset.

    Args:
        errors: (N, k), smaller is better; ties share their mean rank.
        names: of the k methods.

    Raises:
        BadValueError: the errors are not finite, or not of k methods.

    >>> ranking = rank_methods(np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 3.0]]), ["a", "b", "c"])
    >>> ranking.ranks
    (1.5, 1.5, 3.0)
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
    ranks = tuple(float(rank) for rank in average[order])
    friedman = critical = None
    groups: tuple[tuple[int, int], ...] = ()
    if k >= 3 and count >= 2:
        varied = np.ptp(errors, axis=1).any()
        friedman = float(stats.friedmanchisquare(*errors.T).pvalue) if varied else 1.0
        quantile = float(stats.studentized_range.ppf(1 - SIGNIFICANT, k, np.inf))
        critical = quantile / 2**0.5 * (k * (k + 1) / (6 * count)) ** 0.5
        groups = _groups(ranks, critical)
    return Ranking(tuple(names[i] for i in order), ranks, count, friedman, critical, groups)


def _groups(ranks: Sequence[float], critical: float) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(i for i, other in enumerate(ranks) if other - rank <= critical)
        # A group inside an earlier one is redundant.
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return tuple(found)
