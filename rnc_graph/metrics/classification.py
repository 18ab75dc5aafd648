"""Accuracy over all samples and by the number of training samples of a class.

Regions as in open long-tailed recognition (Liu, Miao, Zhan, Wang, Gong and Yu, CVPR 2019, arXiv
1904.05160, section 4): classes of more than 100 training samples, of 20 to 100, of fewer than 20.
"""

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, recall_score

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import Classes, Floats, Labels, checked, checked_classes
from rnc_graph.metrics.regression import by_region, shot_regions

MANY, FEW = 100, 20


def classification_metrics(
    labels: Labels,
    logits: Floats,
    train_labels: Labels | None = None,
    *,
    many: int = MANY,
    few: int = FEW,
) -> dict[str, float]:
    """Evaluate logits of C classes.

    Samples whose label is missing (NaN) are left out; without any label all metrics are NaN.

    Args:
        labels: (N,) class numbers, below C; N may be 1.
        logits: (N, C).
        train_labels: (M,) class numbers of the training set, NaN where missing, for the regions.
        many: a class with more training samples than this is many-shot.
        few: a class with fewer than this is few-shot; the others are medium-shot.

    Returns ``accuracy``; ``error``, 1 - accuracy; ``balanced_accuracy``, the mean of the accuracies
    on each class that has a sample; ``cross_entropy``, in nats; with ``train_labels``
    ``accuracy_many``, ``accuracy_medium`` and ``accuracy_few``, the means over the classes of a
    region, each if one of its classes has a sample.

    >>> logits = np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 0.0]])
    >>> found = classification_metrics(np.array([0.0, 1.0, 1.0, 0.0]), logits, np.zeros(101))
    >>> {name: round(value, 3) for name, value in found.items()}  # doctest: +NORMALIZE_WHITESPACE
    {'accuracy': 0.75, 'error': 0.25, 'balanced_accuracy': 0.75, 'cross_entropy': 0.627,
     'accuracy_many': 1.0, 'accuracy_few': 0.5}
    """
    logits = checked("logits", logits, fewest=1)
    labels = np.asarray(labels, dtype=np.float64)
    if labels.shape != logits.shape[:1]:
        raise BadValueError(f"labels: expected shape ({len(logits)},), got {labels.shape}")
    known = ~np.isnan(labels)
    if not known.any():
        names = ("accuracy", "error", "balanced_accuracy", "cross_entropy")
        return dict.fromkeys(names, np.nan)
    classes = checked_classes("labels", labels[known], classes=logits.shape[1])
    logits = logits[known]
    found = accuracies(classes, logits.argmax(axis=1), train_labels, many=many, few=few)
    of_label = np.take_along_axis(log_softmax(logits, axis=1), classes[:, None], axis=1)
    metrics = {name: found.pop(name) for name in ("accuracy", "error", "balanced_accuracy")}
    return {**metrics, "cross_entropy": float(-of_label.mean()), **found}


def accuracies(
    labels: Classes,
    y_pred: Classes,
    train_labels: Labels | None = None,
    *,
    many: int = MANY,
    few: int = FEW,
) -> dict[str, float]:
    """Return the metrics of predicted classes (N,), as in :func:`classification_metrics`."""
    present = np.unique(labels)
    by_class = recall_score(labels, y_pred, labels=present, average=None)
    accuracy = float(accuracy_score(labels, y_pred))
    balanced = float(by_class.mean())
    metrics = {"accuracy": accuracy, "error": 1 - accuracy, "balanced_accuracy": balanced}
    if train_labels is None:
        return metrics
    train_labels = np.asarray(train_labels, dtype=np.float64)
    known = checked_classes("train_labels", train_labels[~np.isnan(train_labels)])
    # A bin for each class, up to the last of either set.
    edges = np.arange(max(known.max(), present.max())) + 0.5
    numbers = np.append(present, present[-1]).astype(np.float64)
    regions = shot_regions(known.astype(np.float64), numbers, edges, many=many, few=few)[:-1]
    return metrics | by_region("accuracy", by_class, regions)
