"""Does a sample retrieve others of its own class, or of its class's group?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_graph.metrics.arrays import (
    Classes,
    FloatArray,
    Floats,
    Labels,
    checked,
    checked_classes,
)
from rnc_graph.metrics.neighbors import shares, unit_distance_blocks


@dataclass(frozen=True)
class ClassRetrieval:
    """What a ranking of the gallery is worth, as means over the queries.

    Attributes:
        recall_1: share of the queries whose nearest is of their own class.
        map: mean average precision, over the whole gallery.
    """

    recall_1: float
    map: float


def class_retrieval(
    gallery_embedding: Floats,
    gallery_labels: Mapping[str, Labels],
    embedding: Floats,
    labels: Mapping[str, Labels],
) -> dict[str, ClassRetrieval]:
    """Rank a gallery by the cosine to each query, and judge it by one labeling or several.

    Gallery samples that tie share the first place, and come together in the average precision as
    in scikit-learn's: a constant embedding scores the share of the class. A query whose class the
    gallery lacks scores 0.

    Args:
        gallery_embedding: (M, d), of the training set by convention: the queries are then what
            training has not seen, and what can be found does not depend on the size of their part.
        gallery_labels: (M,) class numbers, by the labeling's name, such as fine and coarse.
        embedding: (N, d) of the queries.
        labels: (N,) class numbers, by the same names.

    Returns:
        One :class:`ClassRetrieval` for each labeling.

    Raises:
        RncGraphError: shapes that do not fit, fewer than two rows, a value that is not finite, or
            no class numbers.

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
    """Return the last place of the tie that each of the rising distances (n, M) is in."""
    count = distances.shape[1]
    places = np.where(np.diff(distances, axis=1, append=np.inf) > 0, np.arange(count), count)
    return np.asarray(np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1])


def _average_precisions(hits: NDArray[np.bool_], ends: Classes) -> FloatArray:
    """Return the average precision (n,) of ranked hits (n, M); 0 without a hit."""
    found = np.take_along_axis(np.cumsum(hits, axis=1), ends, axis=1)
    of_hits = (hits * (found / (ends + 1))).sum(axis=1)
    return np.asarray(of_hits / np.maximum(hits.sum(axis=1), 1))
