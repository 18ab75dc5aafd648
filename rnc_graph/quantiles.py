"""Edges that cut the labels of one target into bins of equal counts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError


def quantile_edges(labels: NDArray[np.floating[Any]], bins: int) -> NDArray[np.float64]:
    """Return the inner edges that cut labels into bins of equal counts.

    Each edge is itself a label and opens the bin above it, as in ``np.digitize``. Equal labels
    share a bin: edges that coincide are merged, so there may be fewer than ``bins`` bins, and
    their counts then differ. No bin is empty.

    Args:
        labels: (M,) of one target.
        bins: the largest number of bins.

    Returns:
        (E,) rising edges in the labels' unit, E <= bins - 1.

    Raises:
        BadValueError: not one finite label a sample, fewer than two, or fewer than two bins.

    >>> quantile_edges(np.array([5.0, 1.0, 2.0, 3.0, 4.0, 6.0]), bins=3).tolist()
    [3.0, 5.0]
    >>> quantile_edges(np.array([0.0, 0.0, 0.0, 1.0]), bins=4).tolist()
    [1.0]
    """
    labels = np.asarray(labels, dtype=np.float64)
    if labels.ndim != 1 or len(labels) < 2:
        raise BadValueError(f"labels: expected shape (M >= 2,), got {labels.shape}")
    if not np.isfinite(labels).all():
        bad = labels[~np.isfinite(labels)][0]
        raise BadValueError(
            f"labels: expected finite numbers, got {bad}; leave out samples that lack the target"
        )
    if bins < 2:
        raise BadValueError(f"bins: expected 2 or more, got {bins}")
    # In whole numbers: a quantile's position may round up or down.
    opens = np.arange(1, bins) * len(labels) // bins
    ordered = np.sort(labels)
    return np.asarray(np.setdiff1d(ordered[opens], ordered[:1]))
