"""Training sets with a long tail, thinned out of whole ones."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError
from rnc_graph.quantiles import quantile_edges


def thin_to_long_tail(
    labels: NDArray[np.floating[Any]],
    *,
    imbalance: float,
    bins: int = 10,
    tail: Literal["high", "low"],
    seed: int,
) -> NDArray[np.int64]:
    """Thin molecules out so that their labels have a long tail (after Cui et al., CVPR 2019).

    Of the B bins of :func:`quantile_edges`, number b from the head (0) to the tail (B - 1) keeps
    imbalance ** (-b / (B - 1)) of its molecules, rounded and at least one, drawn at random. Labels
    that are all equal are one bin, and all stay. With one seed, a greater imbalance keeps a subset
    of what a smaller one keeps.

    Args:
        labels: (M,) of one target.
        imbalance: ratio of the head's share to the tail's, 1 or more.
        bins: number of bins; equal labels may merge some.
        tail: the end of the labels that becomes rare.
        seed: of the draw.

    Returns:
        Indices kept, rising.

    Raises:
        RncGraphError: an argument out of range.

    >>> kept = thin_to_long_tail(np.arange(90.0), imbalance=9, bins=3, tail="high", seed=0)
    >>> np.bincount(kept // 30).tolist()
    [30, 10, 3]
    """
    _check_imbalance(imbalance)
    if tail not in ("high", "low"):
        raise BadValueError(f"tail: expected 'high' or 'low', got {tail!r}")
    edges = quantile_edges(labels, bins)
    bin_of = np.digitize(labels, edges)
    from_head = bin_of if tail == "high" else len(edges) - bin_of
    rng = np.random.default_rng(seed)
    kept = []
    for b in range(len(edges) + 1):
        # The whole bin is shuffled and its beginning kept, so that imbalances nest.
        members = rng.permutation(np.flatnonzero(from_head == b))
        share = imbalance ** (-b / max(len(edges), 1))
        kept.append(members[: max(1, round(share * len(members)))])
    return np.sort(np.concatenate(kept)).astype(np.int64)


def exponential_counts(largest: int, classes: int, imbalance: float) -> list[int]:
    """Return how many samples each class keeps by the rule of CIFAR-LT.

    n_c = largest * imbalance^(-c / (C - 1)), rounded down and at least 1, where ``largest`` is the
    size of class 0 (Cao et al., "Learning Imbalanced Datasets with Label-Distribution-Aware Margin
    Loss", NeurIPS 2019, arXiv 1906.07413).

    Raises:
        RncGraphError: an argument out of range.

    >>> exponential_counts(5000, 10, 100)
    [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    """
    _check_imbalance(imbalance)
    if largest < 1 or classes < 1:
        raise BadValueError(
            f"long tail: expected 1 or more classes and samples, got {classes} classes with at "
            f"most {largest} samples"
        )
    # Counts that are whole but for rounding stay whole.
    shares = imbalance ** (-np.arange(classes) / max(classes - 1, 1))
    return [max(1, int(largest * share + 1e-9)) for share in shares]


def thin_classes(
    labels: NDArray[np.int64], *, imbalance: float, classes: int, seed: int
) -> NDArray[np.int64]:
    """Thin classes by :func:`exponential_counts`, class 0 the head; the most frequent one sets n_0.

    A class with fewer samples than that keeps all. With one seed, a greater imbalance keeps a
    subset of what a smaller one keeps.

    Returns:
        Indices of the labels (M,) that are kept, rising.

    Raises:
        RncGraphError: an argument out of range, or a label that is no class index.

    >>> labels = np.repeat(np.arange(3), 100)
    >>> np.bincount(labels[thin_classes(labels, imbalance=100, classes=3, seed=0)]).tolist()
    [100, 10, 1]
    """
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise BadValueError(f"labels: expected classes 0 to {classes - 1}, got {wrong[0]}")
    counts = np.bincount(labels, minlength=classes)
    wanted = exponential_counts(int(counts.max(initial=0)), classes, imbalance)
    kept = []
    for number, count in enumerate(wanted):
        # Each class has a random stream of its own, whose beginning is kept: imbalances nest.
        rng = np.random.default_rng([seed, number])
        kept.append(rng.permutation(np.flatnonzero(labels == number))[:count])
    return np.sort(np.concatenate(kept)).astype(np.int64)


def _check_imbalance(imbalance: float) -> None:
    if not 1 <= imbalance < np.inf:
        raise BadValueError(f"imbalance: expected 1 or more, and finite, got {imbalance}")
