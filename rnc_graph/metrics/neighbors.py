"""Nearest neighbors with shared ties, in blocks of bounded memory."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import gen_batches

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import FloatArray, unit_rows

# Yields slices of queries (N, d) and their distances (n, M) to a gallery (M, d).
Blocks = Callable[[FloatArray, FloatArray], Iterator[tuple[slice, FloatArray]]]

# Distances held at once: 32 MiB.
BLOCK_ENTRIES = 1 << 22

# Cosines are compared on a grid of this width, far above the rounding of a matrix product.
RESOLUTION = 1e-12


def check_k(name: str, k: int) -> None:
    """Raise :class:`BadValueError` unless ``k`` is 1 or more."""
    if k < 1:
        raise BadValueError(f"{name}: expected 1 neighbor or more, got {k}")


def distance_blocks(queries: FloatArray, gallery: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
    """Yield slices of ``queries`` (N, d) and their Euclidean distances (n, M) to ``gallery``.

    Computed from differences, so equal embeddings are exactly 0 apart.
    """
    for rows in gen_batches(len(queries), max(1, BLOCK_ENTRIES // len(gallery))):
        yield rows, cdist(queries[rows], gallery)


def unit_distance_blocks(
    queries: FloatArray, gallery: FloatArray
) -> Iterator[tuple[slice, FloatArray]]:
    """Yield as :func:`distance_blocks`, of rows scaled to unit length: the order of the cosine.

    By matrix products, many times as fast in many dimensions; equal directions are exactly 0 apart.
    """
    queries, gallery = unit_rows(queries), unit_rows(gallery)
    # A row of zeros has length 0: it is 1 from the sphere, and 0 from another.
    lengths, others = (np.rint((x * x).sum(axis=1)) for x in (queries, gallery))
    for rows in gen_batches(len(queries), max(1, BLOCK_ENTRIES // len(gallery))):
        cosines = np.rint(queries[rows] @ gallery.T / RESOLUTION) * RESOLUTION
        squared = lengths[rows, None] + others - 2 * cosines
        yield rows, np.sqrt(np.maximum(squared, 0.0))


def shares(distances: FloatArray, k: int) -> FloatArray:
    """Return the share (N, M) of each of M neighbors in the k nearest; a row sums to min(k, M).

    Neighbors nearer than the k-th distance have 1; those at it divide the rest evenly, so that the
    result does not depend on the order of the M.
    """
    k = min(k, distances.shape[1])
    reach = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    nearer, level = distances < reach, distances == reach
    left = k - nearer.sum(axis=1, keepdims=True)
    return np.asarray(nearer + level * (left / level.sum(axis=1, keepdims=True)))
