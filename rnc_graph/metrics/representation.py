"""All that one embedding is worth, in one call."""

from rnc_graph.metrics.arrays import Floats, checked
from rnc_graph.metrics.geometry import (
    alignment,
    order_correlation,
    ordered_triplets,
    uniformity,
)
from rnc_graph.metrics.out_of_distribution import (
    detection,
    mahalanobis_scores,
    nearest_neighbor_scores,
)
from rnc_graph.metrics.probes import linear_probe, nearest_neighbors
from rnc_graph.metrics.regression import regression_metrics
from rnc_graph.metrics.retrieval import retrieval

RETRIEVED = (1, 5, 10, 20)


def evaluate_representation(
    train_embedding: Floats,
    train_labels: Floats,
    embedding: Floats,
    labels: Floats,
    *,
    views: tuple[Floats, Floats] | None = None,
    outside: Floats | None = None,
    tolerance: float = 0.25,
) -> dict[str, float]:
    """Judge an embedding by the measures of ``MEASURES``, on a part it was not trained on.

    Args:
        train_embedding: (M, d) of the training set.
        train_labels: (M, t) standardized.
        embedding: (N, d) of the part judged.
        labels: (N, t) standardized as ``train_labels``.
        views: (V, d) and (V, d), two views of the same V samples in one order, for
            :func:`~rnc_graph.metrics.geometry.alignment`.
        outside: (L, d) of samples from another distribution, to be told from ``embedding``.
        tolerance: greatest label distance of a hit in retrieval, in standardized units.

    Returns:
        ``probe_mae``, ``probe_rmse``, ``knn_mae``, ``knn_rmse`` (standardized units); ``order``,
        ``triplets``; ``precision_k`` and ``label_error_k`` for k of 1, 5, 10 and 20, from the
        training set; ``uniformity``; with ``views`` ``alignment``; with ``outside``
        ``ood_knn_auroc``, ``ood_knn_fpr95``, ``ood_mahalanobis_auroc``, ``ood_mahalanobis_fpr95``.

    Raises:
        RncGraphError: shapes that do not fit, fewer than two rows, a value that is not finite, or a
            negative tolerance.

    >>> import numpy as np
    >>> x = np.linspace(-2, 2, 60)[:, None]
    >>> found = evaluate_representation(x, x, x[10:20], x[10:20])
    >>> round(found["order"], 6), found["triplets"], found["precision_1"], found["knn_mae"]
    (1.0, 1.0, 1.0, 0.0)
    """
    train_embedding = checked("train_embedding", train_embedding)
    width = train_embedding.shape[1]
    train_labels = checked("train_labels", train_labels, rows=len(train_embedding))
    embedding = checked("embedding", embedding, width=width)
    labels = checked("labels", labels, rows=len(embedding), width=train_labels.shape[1])
    measures: dict[str, float] = {}
    for name, predict in (("probe", linear_probe), ("knn", nearest_neighbors)):
        errors = regression_metrics(labels, predict(train_embedding, train_labels, embedding))
        measures |= {f"{name}_{metric}": errors[metric] for metric in ("mae", "rmse")}
    measures["order"] = order_correlation(embedding, labels)
    measures["triplets"] = ordered_triplets(embedding, labels)
    retrieved = retrieval(
        train_embedding, train_labels, embedding, labels, at=RETRIEVED, tolerance=tolerance
    )
    measures |= {f"precision_{k}": found.precision for k, found in retrieved.items()}
    measures |= {f"label_error_{k}": found.label_error for k, found in retrieved.items()}
    measures["uniformity"] = uniformity(embedding)
    if views is not None:
        measures["alignment"] = alignment(*views)
    if outside is not None:
        outside = checked("outside", outside, width=width)
        for name, scores in (
            ("knn", nearest_neighbor_scores),
            ("mahalanobis", mahalanobis_scores),
        ):
            told = detection(scores(train_embedding, embedding), scores(train_embedding, outside))
            measures[f"ood_{name}_auroc"] = told.auroc
            measures[f"ood_{name}_fpr95"] = told.fpr95
    return measures
