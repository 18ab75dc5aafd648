"""The order of an embedding's distances, and its distribution on the sphere."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from scipy.special import logsumexp
from scipy.stats import kendalltau, spearmanr

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import FloatArray, Floats, check_positive, checked, unit_rows

# The most samples that are compared in pairs; of more, a random subset.
LIMIT = 1_000

# Distances are compared on a grid of this share of the greatest: 0.3 - 0.2 and 0.2 - 0.1 tie, in
# float32 too.
RESOLUTION = 1e-6


def order_correlation(
    embedding: Floats, labels: Floats, *, limit: int = LIMIT, seed: int = 0
) -> float:
    """Correlate the distances of all pairs in the embedding with those of their labels.

    Returns Spearman's rank correlation, 1 for the same order; 0.0 if all distances of the embedding
    or of the labels are equal.

    Args:
        embedding: (N, d), compared by the Euclidean distance.
        labels: (N, t) standardized, compared by the L1 distance. Distances (of labels and of
            embeddings) that differ by less than about 1e-6 of the greatest tie.
        limit: the size of a random subset of more samples, at least 2.
        seed: of that subset.

    >>> order_correlation(np.array([[0.0], [1.0], [4.0]]), np.array([[0.0], [2.0], [3.0]]))
    0.5
    """
    apart, labels_apart = _distances(embedding, labels, limit, seed)
    if np.ptp(apart) == 0 or np.ptp(labels_apart) == 0:
        return 0.0
    return float(spearmanr(apart, labels_apart).statistic)


def ordered_triplets(
    embedding: Floats, labels: Floats, *, limit: int = LIMIT, seed: int = 0
) -> float:
    """Return the share of triplets whose order is the same in the embedding and in the labels.

    Over all (i, j, k) of three samples with label distance ij < ik: the share with embedding
    distance ij < ik, ties counted half. 1 is perfect order; 0.5 is chance, a constant embedding, or
    labels that order no triplet. Exact, in O(N log N) an anchor: its share is (1 + D) / 2, with D
    Somers' rank correlation. Arguments as in :func:`order_correlation`.

    >>> ordered_triplets(np.array([[0.0], [1.0], [4.0]]), np.array([[0.0], [2.0], [3.0]]))
    0.6666666666666666
    """
    pairs = _distances(embedding, labels, limit, seed)
    apart, labels_apart = (squareform(distances) for distances in pairs)
    lead = ordered = 0
    for anchor in range(len(apart)):
        x, y = np.delete(labels_apart[anchor], anchor), np.delete(apart[anchor], anchor)
        in_x, in_y = _untied(x), _untied(y)
        ordered += in_x
        if in_x and in_y:
            # Kendall's tau-b is (concordant - discordant) / sqrt(in_x in_y).
            tau = kendalltau(x, y).statistic
            lead += round(float(tau) * in_x**0.5 * in_y**0.5)
    return (1 + lead / ordered) / 2 if ordered else 0.5


def alignment(first: Floats, second: Floats, exponent: float = 2) -> float:
    """Return the distance of two views of a sample (Wang and Isola, ICML 2020).

    The mean of |u - v| ** exponent over positive pairs, the rows of two embeddings (N, d), on the
    unit sphere (arXiv 2005.10242, section 4.1); 0 is perfect alignment. A row of zeros stays zero.

    >>> alignment(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [3.0, 0.0]]))
    1.0000000000000002
    """
    first = checked("first", first)
    second = checked("second", second, rows=len(first), width=first.shape[1])
    check_positive("exponent", exponent)
    apart = np.linalg.norm(unit_rows(first) - unit_rows(second), axis=1)
    return float(np.mean(apart**exponent))


def uniformity(embedding: Floats, t: float = 2, *, limit: int = LIMIT, seed: int = 0) -> float:
    """Return the uniformity of an embedding on the unit sphere (Wang and Isola, ICML 2020).

    The log of the mean of exp(-t |u - v| ** 2) over all pairs (arXiv 2005.10242, section 4.1): 0
    if all are equal, smaller if they are more even. A row of zeros stays zero. ``t`` is positive,
    the sharpness of the Gaussian; ``limit`` and ``seed`` as in :func:`order_correlation`.

    >>> uniformity(np.array([[1.0, 0.0], [-2.0, 0.0]]))
    -8.0
    """
    embedding = checked("embedding", embedding)
    check_positive("t", t)
    chosen = embedding[_subset(len(embedding), limit, seed)]
    squared = pdist(unit_rows(chosen), "sqeuclidean")
    return float(logsumexp(-t * squared) - np.log(len(squared)))


def _distances(
    embedding: Floats, labels: Floats, limit: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return the distances of all pairs in the embedding and of their labels, on their grids."""
    embedding = checked("embedding", embedding)
    labels = checked("labels", labels, rows=len(embedding))
    rows = _subset(len(embedding), limit, seed)
    return _on_grid(pdist(embedding[rows])), _on_grid(pdist(labels[rows], "cityblock"))


def _on_grid(distances: FloatArray) -> FloatArray:
    greatest = distances.max()
    return np.rint(distances / greatest / RESOLUTION) if greatest > 0 else distances


def _subset(rows: int, limit: int, seed: int) -> NDArray[np.int64]:
    if limit < 2:
        raise BadValueError(f"limit: expected 2 samples or more, got {limit}")
    if rows <= limit:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, size=limit, replace=False))


def _untied(values: FloatArray) -> int:
    """Return the number of pairs of different values."""
    counts = np.unique(values, return_counts=True)[1]
    return (len(values) ** 2 - int((counts**2).sum())) // 2
