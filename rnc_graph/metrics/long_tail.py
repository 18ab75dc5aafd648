"""Errors where training samples are many and where they are few.

Regions and metrics as in deep imbalanced regression (Yang, Zha, Chen, Wang and Katabi, ICML 2021,
arXiv 2102.09554).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import Floats, checked

REGIONS = ("many", "medium", "few")

# The least absolute error in a geometric mean, in the targets' unit: one exact hit is no 0 for all.
LEAST_ERROR = 1e-8


def label_bins(labels: Floats, edges: Floats) -> NDArray[np.int64]:
    """Return the bin of each label; a label at an edge lies in the bin above.

    Args:
        labels: (N,) of one target.
        edges: (E,) inner edges, rising, in the labels' unit; none is one bin for all.

    Returns:
        (N,) bins from 0 to E.

    Raises:
        RncGraphError: not one label a sample, fewer than two, a value that is not finite, or
            edges that do not rise.

    >>> label_bins(np.array([-3.0, 0.0, 0.5, 9.0]), np.array([0.0, 1.0])).tolist()
    [0, 1, 1, 2]
    """
    labels = checked("labels", labels, dimensions=1)
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise BadValueError(f"edges: found {edges.tolist()}, right are finite, rising numbers")
    return np.digitize(labels, edges).astype(np.int64)


def shot_regions(
    train_labels: Floats, labels: Floats, edges: Floats, *, many: int, few: int
) -> NDArray[np.str_]:
    """Return the region of each label, by the training samples in its bin.

    Args:
        train_labels: (M,) of one target.
        labels: (N,) in the same unit.
        edges: (E,) inner edges of the E + 1 bins, as in :func:`label_bins`.
        many: a bin with more training samples than this is many-shot.
        few: a bin with fewer than this, none included, is few-shot; the others are medium-shot.

    Returns:
        (N,) of "many", "medium" and "few".

    Raises:
        RncGraphError: as :func:`label_bins`, or not 0 <= ``few`` <= ``many``.

    >>> train = np.array([0.1, 0.2, 0.3, 1.1, 1.2, 2.5])
    >>> labels, edges = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0])
    >>> shot_regions(train, labels, edges, many=2, few=2).tolist()
    ['many', 'medium', 'few']
    """
    if not 0 <= few <= many:
        raise BadValueError(f"few and many: found {few} and {many}, right is 0 <= few <= many")
    train_labels = checked("train_labels", train_labels, dimensions=1)
    counts = np.bincount(label_bins(train_labels, edges), minlength=len(edges) + 1)
    shots = counts[label_bins(labels, edges)]
    return np.select([shots > many, shots < few], ["many", "few"], "medium")


def long_tail_metrics(
    measured: Floats, predicted: Floats, regions: NDArray[Any], bins: NDArray[Any]
) -> dict[str, float]:
    """Return errors by region, and two that a crowded bin does not rule.

    Args:
        measured: (N,) of one target.
        predicted: (N,) in the same unit.
        regions: (N,) from :func:`shot_regions`.
        bins: (N,) from :func:`label_bins`, by the measured values.

    Returns:
        In the targets' unit: ``mae_many``, ``mae_medium`` and ``mae_few``, each where its region
        has a sample; ``balanced_mae``, the mean of the MAE of each bin that has one; ``gmean``,
        the geometric mean of the absolute errors, each taken as 1e-8 at least.

    Raises:
        RncGraphError: differing lengths, fewer than two rows, a value that is not finite, or an
            unknown region.

    >>> measured, predicted = np.zeros(3), np.array([1.0, 1.0, 8.0])
    >>> regions, bins = np.array(["many", "many", "few"]), np.array([0, 0, 1])
    >>> errors = long_tail_metrics(measured, predicted, regions, bins)
    >>> {name: round(error, 6) for name, error in errors.items()}
    {'mae_many': 1.0, 'mae_few': 8.0, 'balanced_mae': 4.5, 'gmean': 2.0}
    """
    measured = checked("measured", measured, dimensions=1)
    predicted = checked("predicted", predicted, dimensions=1, rows=len(measured))
    bins = checked("bins", bins, dimensions=1, rows=len(measured))
    regions = np.asarray(regions)
    unknown = sorted(set(regions.ravel().tolist()) - set(REGIONS), key=str)
    if regions.shape != measured.shape or unknown:
        found = f"the unknown {unknown}" if unknown else f"shape {regions.shape}"
        raise BadValueError(
            f"regions: found {found}, right is {measured.shape} of {', '.join(REGIONS)}"
        )
    errors = np.abs(measured - predicted)
    metrics = {
        f"mae_{region}": float(errors[regions == region].mean())
        for region in REGIONS
        if (regions == region).any()
    }
    metrics["balanced_mae"] = float(np.mean([errors[bins == b].mean() for b in np.unique(bins)]))
    metrics["gmean"] = float(np.exp(np.log(np.maximum(errors, LEAST_ERROR)).mean()))
    return metrics
