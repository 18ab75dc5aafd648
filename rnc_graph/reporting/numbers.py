"""Numbers as text: the same on the terminal, in Markdown, LaTeX, HTML, figures and model cards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Printing a list of data sets needs none of the metrics, which take a second.
    from rnc_graph.metrics import PairedDifference, Scoring, Summary

NONE = "—"


def number(value: float, *, sign: bool = False, scale: float | None = None) -> str:
    """Return a number with three decimals, or in scientific notation where these are too few.

    ``scale`` is the magnitude of the numbers that it is shown with; its own by default. With
    ``sign`` a positive number has its sign too.

    >>> number(0.5), number(-1.23456, sign=True), number(2e-7), number(0.0)
    ('0.500', '-1.235', '2.00e-07', '0.000')
    """
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    magnitude = abs(value) if scale is None else scale
    kind = ".3f" if magnitude == 0 or 5e-4 <= magnitude < 1e5 else ".2e"
    return f"{value:{'+' if sign else ''}{kind}}"


def rounded(value: float, digits: int = 4, *, sign: bool = False) -> str:
    """Return a number with so many significant digits, as a quantity of any unit is shown.

    >>> rounded(19132.4), rounded(0.2), rounded(-1.23456, 3, sign=True), rounded(2e-7)
    ('19130', '0.2', '-1.23', '2e-07')
    """
    if not math.isfinite(value):
        return number(value)
    return f"{float(f'{value:.{digits}g}'):{'+' if sign else ''}.{max(6, digits)}g}"


def mean_and_sd(summary: Summary) -> str:
    """Return the mean, and the standard deviation where there is one: 0.500 ± 0.010."""
    if summary.sd is None:
        return number(summary.mean)
    scale = max(abs(summary.mean), summary.sd)
    return f"{number(summary.mean, scale=scale)} ± {number(summary.sd, scale=scale)}"


def interval(low: float | None, high: float | None, *, sign: bool = False) -> str:
    """Return an interval, or nothing where there is none.

    >>> interval(-0.1, 0.25, sign=True)
    '[-0.100, +0.250]'
    """
    if low is None or high is None:
        return ""
    scale = max(abs(low), abs(high))
    return f"[{number(low, sign=sign, scale=scale)}, {number(high, sign=sign, scale=scale)}]"


def difference(found: PairedDifference) -> str:
    """Return a paired difference with its interval."""
    scale = max(abs(value or 0.0) for value in (found.mean, found.low, found.high))
    mean = number(found.mean, sign=True, scale=scale)
    return f"{mean} {interval(found.low, found.high, sign=True)}".rstrip()


def p_value(p: float | None) -> str:
    """Return a p value, or nothing where there is none.

    >>> p_value(0.0301), p_value(1e-9), p_value(None)
    ('0.030', '< 0.001', '')
    """
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_in_words(p: float) -> str:
    """Return a p value for a sentence: p = 0.030, p < 0.001."""
    return f"p {'' if p < 0.001 else '= '}{p_value(p)}"


def percent(share: float) -> str:
    """Return a share in percent: 90%."""
    return NONE if math.isnan(share) else f"{share:.0%}"


def significant(found: PairedDifference) -> bool:
    """Say whether a difference is significant after Holm's correction."""
    from rnc_graph.metrics.statistics import SIGNIFICANT

    return found.p_holm is not None and found.p_holm < SIGNIFICANT


def verdict(found: PairedDifference) -> str:
    """Say in words what a difference in error means.

    In parentheses the smallest true difference that would mostly have been significant.
    """
    if found.p_holm is None:
        return NONE
    if not significant(found):
        least = "" if found.detectable is None else f" ({number(found.detectable)})"
        return f"not significant{least}"
    return "better" if found.mean < 0 else "worse"


def difference_cells(found: PairedDifference) -> list[str]:
    """Return a difference with its interval, its corrected p value, and the verdict."""
    return [difference(found), p_value(found.p_holm), verdict(found)]


def with_unit(name: str, unit: str) -> str:
    """Return a name with its unit, as axes and headings have it.

    >>> with_unit("logS", "log mol/L"), with_unit("logS", "")
    ('logS (log mol/L)', 'logS')
    """
    return f"{name} ({unit})" if unit else name


def transformed_units(units: Sequence[str], transforms: Sequence[str]) -> list[str]:
    """Return the units of differences in the scales of the transforms, () for none."""
    pairs = zip_longest(units, transforms, fillvalue="none")
    return [unit if how == "none" else f"{how} units" for unit, how in pairs]


def trial(samples: int | None) -> str:
    """Say that an experiment used a subset of its data, as with --quick; "" if it used all."""
    return "" if samples is None else f"quick trial: at most {samples:,} samples of each data set"


def duration(seconds: float) -> str:
    """Return a rough time: 42 s, 10 min."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def unit_of(metric: str, scale: str, unit: str) -> str:
    """Return the unit of a metric; "sd" is the training set's standard deviation."""
    from rnc_graph.metrics import METRICS

    if scale == "share":
        return "nats" if metric == "cross_entropy" else "share"
    base = "sd" if scale == "standardized" else unit or "unit of the target"
    return base if METRICS[metric] == 1 else f"({base})²"


def scale_title(scale: str, unit: str) -> str:
    """Return what the errors of a table are in."""
    if scale == "share":
        return "share of wrong classes, and cross-entropy in nats"
    if scale == "standardized":
        return "errors in standardized units"
    return f"errors in {unit or 'the unit of the target'}"


def score_title(scoring: Scoring, metric: str | None = None) -> str:
    """Return a score with its scale; by default the one that methods are ranked by."""
    title = scoring.metrics[metric or scoring.ranked_by]
    return f"{title}{', standardized' if scoring.scale == 'standardized' else ''}"
