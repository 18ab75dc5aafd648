"""Training sets with a long tail, thinned out of whole ones."""

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
        imbalance: of the head's share to the tail's, 1 or more.
        bins: wanted; ties may merge some.
        tail: the end of the labels that becomes rare.
        seed: the same seed keeps the same molecules.

    Returns:
        Row numbers kept, rising.

    Raises:
        RncGraphError: as :func:`quantile_edges`, an imbalance below 1 or not finite, or another
            tail.

    >>> kept = thin_to_long_tail(np.arange(90.0), imbalance=9, bins=3, tail="high", seed=0)
    >>> np.bincount(kept // 30).tolist()
    [30, 10, 3]
    """
    if not 1 <= imbalance < np.inf:
        raise BadValueError(f"imbalance: found {imbalance}, right is 1 or more, and finite")
    if tail not in ("high", "low"):
        raise BadValueError(f"tail: found {tail!r}, right is 'high' or 'low'")
    edges = quantile_edges(labels, bins)
    bin_of = np.digitize(labels, edges)
    from_head = bin_of if tail == "high" else len(edges) - bin_of
    rng = np.random.default_rng(seed)
    kept = []
    for b in range(len(edges) + 1):
        # The whole bin is shuffled and its beginning kept, so that imbalances nest.
        rows = rng.permutation(np.flatnonzero(from_head == b))
        share = imbalance ** (-b / max(len(edges), 1))
        kept.append(rows[: max(1, round(share * len(rows)))])
    return np.sort(np.concatenate(kept)).astype(np.int64)
