"""Errors by the number of training samples: many-shot, medium-shot and few-shot regions.

Regions and metrics as in deep imbalanced regression (Yang, Zha, Chen, Wang and Katabi, ICML 2021,
arXiv 2102.09554).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import Floats, checked

REGIONS = ("many", "medium", "few")

# The least absolute error in a geometric mean: one exact prediction does not make it 0.
LEAST_ERROR = 1e-8


def label_bins(labels: Floats, edges: Floats) -> NDArray[np.int64]:
    """Return the bin of each label; a label at an edge is in the bin above.

    Args:
        labels: (N,) of one target.
        edges: (E,) inner edges, rising, in the labels' unit; without any there is one bin.

    Returns:
        (N,) bins from 0 to E.

    Raises:
        BadValueError: not one label a sample, fewer than two, a value that is not finite, or
            edges that do not rise.

    >>> label_bins(np.array([-3.0, 0.0, 0.5, 9.0]), np.array([0.0, 1.0])).tolist()
    [0, 1, 1, 2]
    """
    labels = checked("labels", labels, dimensions=1)
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise BadValueError(f"edges: expected finite, rising numbers, got {edges.tolist()}")
    return np.digitize(labels, edges).astype(np.int64)


def shot_regions(
    train_labels: Floats, labels: Floats, edges: Floats, *, many: int, few: int
) -> NDArray[np.str_]:
    """Return the region of each label, by the number of training samples in its bin.

    Args:
        train_labels: (M,) of one target.
        labels: (N,) in the same unit.
        edges: (E,) inner edges of the E + 1 bins, as in :func:`label_bins`.
        many: a bin with more training samples than this is many-shot.
        few: a bin with fewer than this (or none) is few-shot; the others are medium-shot.

    Returns:
        (N,) of "many", "medium" and "few".

    Raises:
        BadValueError: as :func:`label_bins`, or not 0 <= ``few`` <= ``many``.

    >>> train = np.array([0.1, 0.2, 0.3, 1.1, 1.2, 2.5])
    >>> labels, edges = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0])
    >>> shot_regions(train, labels, edges, many=2, few=2).tolist()
    ['many', 'medium', 'few']
    """
    if not 0 <= few <= many:
        raise BadValueError(f"few and many: expected 0 <= few <= many, got {few} and {many}")
    train_labels = checked("train_labels", train_labels, dimensions=1)
    counts = np.bincount(label_bins(train_labels, edges), minlength=len(edges) + 1)
    shots = counts[label_bins(labels, edges)]
    return np.select([shots > many, shots < few], ["many", "few"], "medium")


def long_tail_metrics(
    y_true: Floats, y_pred: Floats, regions: NDArray[Any], bins: NDArray[Any]
) -> dict[str, float]:
    """Return errors by region, and two that weight rare labels as much as frequent ones.

    Args:
        y_true: (N,) of one target.
        y_pred: (N,) in the same unit.
        regions: (N,) from :func:`shot_regions`.
        bins: (N,) from :func:`label_bins`, by ``y_true``.

    Returns:
        In the targets' unit: ``mae_many``, ``mae_medium`` and ``mae_few``, each if its region
        has a sample; ``balanced_mae``, the mean of the MAE of each bin that has one; ``gmean``,
        the geometric mean of the absolute errors, each taken as 1e-8 at least.

    Raises:
        BadValueError: differing lengths, fewer than two rows, a value that is not finite, or an
            unknown region.

    >>> y_true, y_pred = np.zeros(3), np.array([1.0, 1.0, 8.0])
    >>> regions, bins = np.array(["many", "many", "few"]), np.array([0, 0, 1])
    >>> errors = long_tail_metrics(y_true, y_pred, regions, bins)
    >>> {name: round(error, 6) for name, error in errors.items()}
    {'mae_many': 1.0, 'mae_few': 8.0, 'balanced_mae': 4.5, 'gmean': 2.0}
    """
    y_true = checked("y_true", y_true, dimensions=1)
    y_pred = checked("y_pred", y_pred, dimensions=1, rows=len(y_true))
    bins = checked("bins", bins, dimensions=1, rows=len(y_true))
    regions = np.asarray(regions)
    unknown = sorted(set(regions.ravel().tolist()) - set(REGIONS), key=str)
    if regions.shape != y_true.shape or unknown:
        got = f"the unknown {unknown}" if unknown else f"shape {regions.shape}"
        raise BadValueError(
            f"regions: expected shape {y_true.shape} of {', '.join(REGIONS)}, got {got}"
        )
    errors = np.abs(y_true - y_pred)
    metrics = {
        f"mae_{region}": float(errors[regions == region].mean())
        for region in REGIONS
        if (regions == region).any()
    }
    metrics["balanced_mae"] = float(np.mean([errors[bins == b].mean() for b in np.unique(bins)]))
    metrics["gmean"] = float(np.exp(np.log(np.maximum(errors, LEAST_ERROR)).mean()))
    return metrics
