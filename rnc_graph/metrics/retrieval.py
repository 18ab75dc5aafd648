"""Retrieval: do the nearest samples have a near label, or the same class?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import Classes, FloatArray, Floats, Labels, checked, checked_classes
from rnc_graph.metrics.neighbors import check_k, distance_blocks, shares, unit_distance_blocks

RETRIEVED = (1, 5, 10, 20)
"""The numbers k of retrieved samples that the retrieval metrics are computed at."""


@dataclass(frozen=True)
class Retrieval:
    """Metrics of the k nearest of each query, as means over the queries.

    ``precision`` is the share of the k whose label is within the tolerance of the query's,
    ``label_error`` the mean L1 label distance to the query, in the labels' unit.
    """

    precision: float
    label_error: float


def retrieval(
    gallery_embedding: Floats,
    gallery_labels: Floats,
    embedding: Floats,
    labels: Floats,
    *,
    at: Sequence[int] = RETRIEVED,
    tolerance: float = 0.25,
) -> dict[int, Retrieval]:
    """Retrieve the k nearest of a gallery by the Euclidean distance of embeddings.

    Ties for the last neighbor are shared (see :func:`~rnc_graph.metrics.neighbors.shares`), so a
    constant embedding scores as a random draw. If k > M, all M are retrieved. The gallery (M, d),
    by convention the training set, has labels (M, t), and the queries (N, d) labels (N, t) in one
    unit, in which ``tolerance`` is the largest L1 label distance of a hit; ``at`` lists the k.

    >>> gallery, labels = np.array([[0.0], [1.0], [5.0]]), np.array([[0.0], [1.0], [2.0]])
    >>> queries, true = np.array([[0.1], [4.0]]), np.array([[0.0], [2.0]])
    >>> retrieval(gallery, labels, queries, true, at=[2])
    {2: Retrieval(precision=0.5, label_error=0.5)}
    """
    gallery = checked("gallery_embedding", gallery_embedding)
    gallery_labels = checked("gallery_labels", gallery_labels, rows=len(gallery))
    queries = checked("embedding", embedding, width=gallery.shape[1])
    labels = checked("labels", labels, rows=len(queries), width=gallery_labels.shape[1])
    for k in at:
        check_k("at", k)
    if not 0 <= tolerance < np.inf:
        raise BadValueError(f"tolerance: expected 0 or more, and finite, got {tolerance}")
    sums = {k: np.zeros(2) for k in at}
    for rows, distances in distance_blocks(queries, gallery):
        label_distances = cdist(labels[rows], gallery_labels, "cityblock")
        hits = label_distances <= tolerance
        for k in sums:
            retrieved = shares(distances, k)
            sums[k] += retrieved[hits].sum(), (retrieved * label_distances).sum()
    counts = {k: len(queries) * min(k, len(gallery)) for k in sums}
    return {k: Retrieval(*(both / counts[k]).tolist()) for k, both in sums.items()}


@dataclass(frozen=True)
class ClassRetrieval:
    """Metrics of a ranked gallery, as means over the queries.

    ``recall_1`` is the share of the queries whose nearest sample has their class, ``map`` the mean
    average precision over the whole gallery.
    """

    recall_1: float
    map: float


def class_retrieval(
    gallery_embedding: Floats,
    gallery_labels: Mapping[str, Labels],
    embedding: Floats,
    labels: Mapping[str, Labels],
) -> dict[str, ClassRetrieval]:
    """Rank a gallery by the cosine to each query, and evaluate it by one or several labelings.

    Gallery samples that tie share the first rank, and enter the average precision together as in
    scikit-learn: a constant embedding scores the share of the class. A query whose class is not
    in the gallery scores 0. The gallery (M, d) has class numbers (M,), the queries (N, d) have
    (N,), by the labeling's name, such as fine and coarse.

    >>> gallery, fine = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([0.0, 1.0, 0.0])
    >>> queries, true = np.array([[1.0, 0.1], [1.0, 0.2]]), np.array([0.0, 1.0])
    >>> class_retrieval(gallery, {"fine": fine}, queries, {"fine": true})
    {'fine': ClassRetrieval(recall_1=0.5, map=0.6666666666666666)}
    """
    gallery = checked("gallery_embedding", gallery_embedding)
    queries = checked("embedding", embedding, width=gallery.shape[1])
    pairs: dict[str, tuple[Classes, Classes]] = {
        name: (
            checked_classes(f"gallery_labels, {name}", gallery_labels[name], rows=len(gallery)),
            checked_classes(f"labels, {name}", labels[name], rows=len(queries)),
        )
        for name in labels
    }
    sums = {name: np.zeros(2) for name in pairs}
    for rows, distances in unit_distance_blocks(queries, gallery):
        nearest = shares(distances, 1)
        order = np.argsort(distances, axis=1)
        ends = _tie_ends(np.take_along_axis(distances, order, axis=1))
        for name, (theirs, own) in pairs.items():
            hits = own[rows, None] == theirs
            precisions = _average_precisions(np.take_along_axis(hits, order, axis=1), ends)
            sums[name] += (nearest * hits).sum(), precisions.sum()
    return {name: ClassRetrieval(*(both / len(queries)).tolist()) for name, both in sums.items()}


def _tie_ends(distances: FloatArray) -> Classes:
    """Return the last index of the tie of each of the rising distances (n, M)."""
    count = distances.shape[1]
    ends = np.where(np.diff(distances, axis=1, append=np.inf) > 0, np.arange(count), count)
    return np.asarray(np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1])


def _average_precisions(hits: NDArray[np.bool_], ends: Classes) -> FloatArray:
    """Return the average precision (n,) of ranked hits (n, M); 0 without a hit."""
    found = np.take_along_axis(np.cumsum(hits, axis=1), ends, axis=1)
    of_hits = (hits * (found / (ends + 1))).sum(axis=1)
    return np.asarray(of_hits / np.maximum(hits.sum(axis=1), 1))
