"""Does a sample retrieve others of its own label?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import Floats, checked
from rnc_graph.metrics.neighbors import check_k, distance_blocks, shares


@dataclass(frozen=True)
class Retrieval:
    """What the k nearest of a query are worth, as means over the queries.

    Attributes:
        precision: share of the k whose label is within the tolerance of the query's.
        label_error: their mean L1 label distance to the query, in the labels' unit.
    """

    precision: float
    label_error: float


def retrieval(
    gallery_embedding: Floats,
    gallery_labels: Floats,
    embedding: Floats,
    labels: Floats,
    *,
    at: Sequence[int] = (1, 5, 10, 20),
    tolerance: float = 0.25,
) -> dict[int, Retrieval]:
    """Look the queries' k nearest up in a gallery, by the Euclidean distance of embeddings.

    Gallery samples that tie for the last places share them (see
    :func:`~rnc_graph.metrics.neighbors.shares`): a constant embedding scores what a random draw
    would. With k above M all M are taken, and precision is out of M.

    Args:
        gallery_embedding: (M, d), of the training set by convention.
        gallery_labels: (M, t) standardized by convention.
        embedding: (N, d) of the queries.
        labels: (N, t) in the unit of ``gallery_labels``.
        at: the numbers k.
        tolerance: greatest L1 label distance of a hit, inclusive, in the labels' unit.

    Returns:
        One :class:`Retrieval` for each k.

    Raises:
        RncGraphError: shapes that do not fit, fewer than two rows, a value that is not finite, a k
            below 1, or a negative tolerance.

    >>> gallery, labels = np.array([[0.0], [1.0], [5.0]]), np.array([[0.0], [1.0], [2.0]])
    >>> queries, true = np.array([[0.1], [4.0]]), np.array([[0.0], [2.0]])
    >>> retrieval(gallery, labels, queries, true, at=[2])
    {2: Retrieval(precision=0.5, label_error=0.5)}
    """
    gallery_embedding = checked("gallery_embedding", gallery_embedding)
    gallery_labels = checked("gallery_labels", gallery_labels, rows=len(gallery_embedding))
    embedding = checked("embedding", embedding, width=gallery_embedding.shape[1])
    labels = checked("labels", labels, rows=len(embedding), width=gallery_labels.shape[1])
    for k in at:
        check_k("at", k)
    if not 0 <= tolerance < np.inf:
        raise BadValueError(f"tolerance: found {tolerance}, right is 0 or more, and finite")
    hits, errors = dict.fromkeys(at, 0.0), dict.fromkeys(at, 0.0)
    for rows, distances in distance_blocks(embedding, gallery_embedding):
        labels_apart = cdist(labels[rows], gallery_labels, "cityblock")
        for k in hits:
            taken = shares(distances, k)
            hits[k] += float(taken[labels_apart <= tolerance].sum())
            errors[k] += float((taken * labels_apart).sum())
    places = {k: len(embedding) * min(k, len(gallery_embedding)) for k in hits}
    return {k: Retrieval(hits[k] / n, errors[k] / n) for k, n in places.items()}
