"""All that one embedding is worth for telling classes, in one call."""

from collections.abc import Sequence

import numpy as np

from rnc_graph.metrics.arrays import Floats, Labels, checked, checked_classes
from rnc_graph.metrics.class_probes import linear_class_probe, nearest_classes
from rnc_graph.metrics.class_retrieval import class_retrieval
from rnc_graph.metrics.classification import accuracies
from rnc_graph.metrics.geometry import alignment, uniformity
from rnc_graph.metrics.neighbors import unit_distance_blocks
from rnc_graph.metrics.out_of_distribution import (
    detection,
    mahalanobis_scores,
    nearest_neighbor_scores,
)


def evaluate_classes(
    train_embedding: Floats,
    train_labels: Labels,
    embedding: Floats,
    labels: Labels,
    *,
    coarse: Sequence[int] | None = None,
    views: tuple[Floats, Floats] | None = None,
    outside: Floats | None = None,
) -> dict[str, float]:
    """Judge an embedding by what it tells of classes, on a part it was not trained on.

    The sibling of :func:`~rnc_graph.metrics.evaluate_representation` for class numbers.

    Args:
        train_embedding: (M, d) of the training set.
        train_labels: (M,) class numbers.
        embedding: (N, d) of the part judged.
        labels: (N,) class numbers.
        coarse: (C,) the group of each class, for coarse retrieval.
        views: (V, d) and (V, d), two views of the same V samples in one order, for
            :func:`~rnc_graph.metrics.geometry.alignment`.
        outside: (L, d) of samples from another distribution, to be told from ``embedding``.

    Returns:
        ``probe_accuracy`` and ``probe_balanced_accuracy``, of a linear probe; ``knn_accuracy``;
        ``recall_1`` and ``map`` of retrieval from the training set, with ``coarse``
        ``recall_1_coarse`` and ``map_coarse``; ``uniformity``; with ``views`` ``alignment``; with
        ``outside`` ``ood_knn_auroc``, ``ood_knn_fpr95``, ``ood_mahalanobis_auroc``,
        ``ood_mahalanobis_fpr95``, the last two by a Gaussian for each class.

    Raises:
        RncGraphError: shapes that do not fit, fewer than two rows, a value that is not finite, no
            class numbers, one class in the training set, or a class that ``coarse`` lacks.

    >>> x = np.repeat([[1.0, 0.0], [0.0, 1.0]], 30, axis=0)
    >>> y = np.repeat([0.0, 1.0], 30)
    >>> found = evaluate_classes(x, y, x[20:40], y[20:40])
    >>> found["probe_accuracy"], found["knn_accuracy"], found["recall_1"], found["map"]
    (1.0, 1.0, 1.0, 1.0)
    """
    train_embedding = checked("train_embedding", train_embedding)
    width = train_embedding.shape[1]
    embedding = checked("embedding", embedding, width=width)
    count = None if coarse is None else len(coarse)
    train_classes = checked_classes(
        "train_labels", train_labels, rows=len(train_embedding), classes=count
    )
    classes = checked_classes("labels", labels, rows=len(embedding), classes=count)
    probed = accuracies(classes, linear_class_probe(train_embedding, train_classes, embedding))
    measures = {f"probe_{name}": probed[name] for name in ("accuracy", "balanced_accuracy")}
    voted = nearest_classes(train_embedding, train_classes, embedding)
    measures["knn_accuracy"] = accuracies(classes, voted)["accuracy"]
    gallery_labels, query_labels = {"": train_classes}, {"": classes}
    if coarse is not None:
        groups = checked_classes("coarse", np.asarray(coarse))
        gallery_labels["_coarse"], query_labels["_coarse"] = groups[train_classes], groups[classes]
    retrieved = class_retrieval(train_embedding, gallery_labels, embedding, query_labels)
    for name, found in retrieved.items():
        measures |= {f"recall_1{name}": found.recall_1, f"map{name}": found.map}
    measures["uniformity"] = uniformity(embedding)
    if views is not None:
        measures["alignment"] = alignment(*views)
    if outside is not None:
        outside = checked("outside", outside, width=width)
        inside_scores, outside_scores = (
            {
                "knn": nearest_neighbor_scores(train_embedding, rows, blocks=unit_distance_blocks),
                "mahalanobis": mahalanobis_scores(train_embedding, rows, train_classes),
            }
            for rows in (embedding, outside)
        )
        for name, scores in inside_scores.items():
            told = detection(scores, outside_scores[name])
            measures[f"ood_{name}_auroc"] = told.auroc
            measures[f"ood_{name}_fpr95"] = told.fpr95
    return measures
