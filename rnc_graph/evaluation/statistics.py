"""Mean and spread over seeds, and paired differences with their intervals and p values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation of one value a seed; the deviation of one is None."""

    mean: float
    sd: float | None
    values: tuple[float, ...]


def summarise(values: Sequence[float]) -> Summary:
    """Return mean and spread of one value a seed.

    >>> summarise([1.0, 2.0, 3.0])
    Summary(mean=2.0, sd=1.0, values=(1.0, 2.0, 3.0))
    """
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Summary(mean=float(np.mean(values)), sd=sd, values=tuple(values))


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference to a reference on the same seeds, by the paired t test.

    Attributes:
        mean: of the differences; negative is a smaller error than the reference's.
        low: lower end of the 95% interval of the mean, None below two seeds.
        high: its upper end.
        p: two-sided p value.
        p_holm: the same after Holm's correction over the family compared.
        n: seeds.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    n: int


def compare(
    rows: Mapping[str, Sequence[float]], reference: Sequence[float]
) -> dict[str, PairedDifference]:
    """Compare each row with the reference, seed by seed, as one family for Holm's correction.

    The seeds are random splits of one data set, so their training parts overlap and the intervals
    are too narrow: with n seeds and parts of N_test and N_train molecules by a factor of about
    sqrt(1 + n * N_test / N_train) (Nadeau and Bengio, Machine Learning 52, 2003).

    Args:
        rows: one value a seed for each row, in the seeds' order of ``reference``.
        reference: one value a seed.
    """
    differences = {name: _paired(values, reference) for name, values in rows.items()}
    tested = {name: d.p for name, d in differences.items() if d.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {name: replace(d, p_holm=corrected.get(name)) for name, d in differences.items()}


def _paired(values: Sequence[float], reference: Sequence[float]) -> PairedDifference:
    difference = np.asarray(values) - np.asarray(reference)
    mean, n = float(difference.mean()), len(difference)
    # Without spread there is nothing to test: one seed, or twice the same row.
    if n < 2 or np.ptp(difference) == 0:
        return PairedDifference(mean, None, None, None, None, n)
    test = stats.ttest_1samp(difference, 0.0)
    interval = test.confidence_interval(CONFIDENCE)
    return PairedDifference(
        mean, float(interval.low), float(interval.high), float(test.pvalue), None, n
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for their number (Holm, Scand. J. Statist. 6, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    steps = np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(steps, 1.0)
    return [float(p) for p in corrected]
