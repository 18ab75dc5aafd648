"""All metrics of an embedding in one call: of continuous labels, or of classes."""

from collections.abc import Sequence

import numpy as np

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import (
    FEWEST_ROWS,
    Classes,
    FloatArray,
    Floats,
    Labels,
    checked,
    checked_classes,
    checked_pair,
)
from rnc_graph.metrics.classification import accuracies
from rnc_graph.metrics.geometry import alignment, order_correlation, ordered_triplets, uniformity
from rnc_graph.metrics.neighbors import distance_blocks, unit_distance_blocks
from rnc_graph.metrics.out_of_distribution import (
    detection,
    mahalanobis_scores,
    nearest_neighbor_scores,
)
from rnc_graph.metrics.probes import (
    linear_class_probe,
    linear_probe,
    nearest_classes,
    nearest_neighbors,
)
from rnc_graph.metrics.regression import regression_metrics
from rnc_graph.metrics.retrieval import class_retrieval, retrieval


def evaluate_representation(
    train_embedding: Floats,
    train_labels: Floats,
    embedding: Floats,
    labels: Floats,
    *,
    true_train_labels: Floats | None = None,
    views: tuple[Floats, Floats] | None = None,
    ood: Floats | None = None,
    tolerance: float = 0.25,
) -> dict[str, float]:
    """Evaluate an embedding of a validation or test set by continuous labels.

    Where labels are missing, the metrics that depend on them are computed for each target on the
    samples that have it, and averaged over the targets.

    Args:
        train_embedding: (M, d) of the training set.
        train_labels: (M, t) standardized, NaN where missing.
        embedding: (N, d).
        labels: (N, t) standardized as ``train_labels``, NaN where missing.
        true_train_labels: (M, t) what retrieval is measured by, where ``train_labels``, from which
            probes learn, have noise; None for ``train_labels``.
        views: (V, d) and (V, d), two views of the same V samples in one order, for
            :func:`~rnc_graph.metrics.geometry.alignment`.
        ood: (L, d) of the out-of-distribution set, to be detected among ``embedding``.
        tolerance: largest label distance of a hit in retrieval, in standardized units.

    Returns:
        ``probe_mae``, ``probe_rmse``, ``knn_mae``, ``knn_rmse`` (standardized units); ``order``,
        ``triplets``; ``precision_k`` and ``label_error_k`` for k of 1, 5, 10 and 20, from the
        training set; ``uniformity``; with ``views`` ``alignment``; with ``ood``
        ``ood_knn_auroc``, ``ood_knn_fpr95``, ``ood_mahalanobis_auroc``, ``ood_mahalanobis_fpr95``.

    >>> x = np.linspace(-2, 2, 60)[:, None]
    >>> found = evaluate_representation(x, x, x[10:20], x[10:20])
    >>> round(found["order"], 6), found["triplets"], found["precision_1"], found["knn_mae"]
    (1.0, 1.0, 1.0, 0.0)
    """
    train_embedding, embedding = checked_pair(train_embedding, embedding)
    train_labels = _labels("train_labels", train_labels, len(train_embedding))
    labels = _labels("labels", labels, len(embedding), train_labels.shape[1])
    true = train_labels
    if true_train_labels is not None:
        true = _labels("true_train_labels", true_train_labels, *train_labels.shape)
    by_target = np.isnan(train_labels).any() or np.isnan(labels).any()
    every = list(range(labels.shape[1]))
    found = []
    for targets in [[target] for target in every] if by_target else [every]:
        known, evaluated, retrieved = (
            ~np.isnan(x[:, targets]).any(axis=1) for x in (train_labels, labels, true)
        )
        if min(known.sum(), evaluated.sum(), retrieved.sum()) >= FEWEST_ROWS:
            train = train_embedding[known], train_labels[known][:, targets]
            gallery = train_embedding[retrieved], true[retrieved][:, targets]
            evaluation = embedding[evaluated], labels[evaluated][:, targets]
            found.append(_by_labels(train, gallery, evaluation, tolerance))
    if not found:
        raise BadValueError(
            f"labels: expected {FEWEST_ROWS} samples with a label of one target, got none"
        )
    metrics = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    return metrics | _without_labels(train_embedding, embedding, views, ood)


def _labels(name: str, values: Floats, rows: int, width: int | None = None) -> FloatArray:
    """Check labels (N, t) that may be NaN."""
    labels = np.asarray(values, dtype=np.float64)
    checked(name, np.where(np.isnan(labels), 0.0, labels), rows=rows, width=width)
    return labels


def _by_labels(
    train: tuple[FloatArray, FloatArray],
    gallery: tuple[FloatArray, FloatArray],
    evaluation: tuple[FloatArray, FloatArray],
    tolerance: float,
) -> dict[str, float]:
    """Return the metrics of embeddings with their labels, of which none is missing."""
    embedding, labels = evaluation
    metrics: dict[str, float] = {}
    for name, predict in (("probe", linear_probe), ("knn", nearest_neighbors)):
        errors = regression_metrics(labels, predict(*train, embedding))
        metrics |= {f"{name}_{metric}": errors[metric] for metric in ("mae", "rmse")}
    metrics["order"] = order_correlation(embedding, labels)
    metrics["triplets"] = ordered_triplets(embedding, labels)
    retrieved = retrieval(*gallery, *evaluation, tolerance=tolerance)
    metrics |= {f"precision_{k}": found.precision for k, found in retrieved.items()}
    return metrics | {f"label_error_{k}": found.label_error for k, found in retrieved.items()}


def evaluate_classes(
    train_embedding: Floats,
    train_labels: Labels,
    embedding: Floats,
    labels: Labels,
    *,
    coarse: Sequence[int] | None = None,
    views: tuple[Floats, Floats] | None = None,
    ood: Floats | None = None,
) -> dict[str, float]:
    """Evaluate an embedding of a validation or test set by class numbers.

    Embeddings (M, d) and (N, d) have class numbers (M,) and (N,); ``coarse`` (C,) is the group of
    each class, for coarse retrieval; ``views`` and ``ood`` are as in
    :func:`evaluate_representation`.

    Returns ``probe_accuracy`` and ``probe_balanced_accuracy``, of a linear probe; ``knn_accuracy``;
    ``recall_1`` and ``map`` of retrieval from the training set, with ``coarse``
    ``recall_1_coarse`` and ``map_coarse``; ``uniformity``, ``alignment`` and ``ood_...`` as there,
    with a Gaussian for each class.

    >>> x = np.repeat([[1.0, 0.0], [0.0, 1.0]], 30, axis=0)
    >>> y = np.repeat([0.0, 1.0], 30)
    >>> found = evaluate_classes(x, y, x[20:40], y[20:40])
    >>> found["probe_accuracy"], found["knn_accuracy"], found["recall_1"], found["map"]
    (1.0, 1.0, 1.0, 1.0)
    """
    train, queries = checked_pair(train_embedding, embedding)
    count = None if coarse is None else len(coarse)
    train_classes = checked_classes("train_labels", train_labels, rows=len(train), classes=count)
    classes = checked_classes("labels", labels, rows=len(queries), classes=count)
    probed = accuracies(classes, linear_class_probe(train, train_classes, queries))
    metrics = {f"probe_{name}": probed[name] for name in ("accuracy", "balanced_accuracy")}
    voted = nearest_classes(train, train_classes, queries)
    metrics["knn_accuracy"] = accuracies(classes, voted)["accuracy"]
    gallery_labels, query_labels = {"": train_classes}, {"": classes}
    if coarse is not None:
        groups = checked_classes("coarse", np.asarray(coarse))
        gallery_labels["_coarse"], query_labels["_coarse"] = groups[train_classes], groups[classes]
    retrieved = class_retrieval(train, gallery_labels, queries, query_labels)
    for name, found in retrieved.items():
        metrics |= {f"recall_1{name}": found.recall_1, f"map{name}": found.map}
    return metrics | _without_labels(train, queries, views, ood, train_classes)


def _without_labels(
    train: FloatArray,
    embedding: FloatArray,
    views: tuple[Floats, Floats] | None,
    ood: Floats | None,
    classes: Classes | None = None,
) -> dict[str, float]:
    """Return the metrics of directions, and of detection with or without training classes."""
    metrics = {"uniformity": uniformity(embedding)}
    if views is not None:
        metrics["alignment"] = alignment(*views)
    if ood is None:
        return metrics
    both = embedding, checked("ood", ood, width=embedding.shape[1])
    blocks = distance_blocks if classes is None else unit_distance_blocks
    scores = {
        "knn": [nearest_neighbor_scores(train, x, blocks=blocks) for x in both],
        # Together: one decomposition of the covariance, which is what takes long.
        "mahalanobis": np.split(
            mahalanobis_scores(train, np.concatenate(both), classes), [len(embedding)]
        ),
    }
    for name, (in_distribution, others) in scores.items():
        found = detection(in_distribution, others)
        metrics |= {f"ood_{name}_auroc": found.auroc, f"ood_{name}_fpr95": found.fpr95}
    return metrics
