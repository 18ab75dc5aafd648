"""Errors of predictions: over all targets, by target, on subsets, and by how rare a label is.

The regions of many, medium and few training samples and their metrics are those of deep imbalanced
regression (Yang, Zha, Chen, Wang and Katabi, ICML 2021, arXiv 2102.09554).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import FloatArray, Floats, checked

METRICS: Mapping[str, int] = {"mae": 1, "rmse": 1, "mse": 2}
"""The metrics of a regression, each with its power of the targets' unit."""

REGIONS = ("many", "medium", "few")
"""The regions of a long tail, by the number of training samples near a label."""

# The least absolute error in a geometric mean: one exact prediction does not make it 0.
LEAST_ERROR = 1e-8


def regression_metrics(y_true: FloatArray, y_pred: FloatArray) -> dict[str, float]:
    """Return MAE, RMSE and MSE of predictions (N, t), over all samples and targets.

    Entries whose ``y_true`` is missing (NaN) are left out; all metrics are NaN if none is known.
    """
    known = ~np.isnan(y_true)
    if not known.any():
        return dict.fromkeys(METRICS, np.nan)
    if not known.all():
        y_true, y_pred = y_true[known], y_pred[known]
    if np.isnan(y_pred).any():
        row = int(np.argwhere(np.isnan(y_pred))[0, 0])
        raise BadValueError(
            f"y_pred: expected a prediction of each measured value, got NaN for number {row + 1} "
            "of these; leave out molecules without a prediction"
        )
    mse = float(mean_squared_error(y_true, y_pred))
    mae = float(mean_absolute_error(y_true, y_pred))
    return {"mae": mae, "rmse": float(np.sqrt(mse)), "mse": mse}


def metrics_by_target(y_true: FloatArray, y_pred: FloatArray) -> list[dict[str, float]]:
    """Return the metrics of each of the t targets of (N, t), over its known entries.

    Each dict holds ``count``, the known entries; MAE, RMSE and MSE; ``r2``, the coefficient of
    determination; and ``spearman``, the rank correlation. A metric that is not defined is NaN: all
    without an entry, ``r2`` if the values of ``y_true`` are equal, ``spearman`` if those of
    ``y_true`` or ``y_pred`` are.
    """
    found = []
    for of_target, predictions in zip(y_true.T, y_pred.T, strict=True):
        known = ~np.isnan(of_target)
        true, predicted = of_target[known], predictions[known]
        varies = len(true) > 1 and np.ptp(true) > 0
        ordered = varies and np.ptp(predicted) > 0
        found.append(
            {
                "count": len(true),
                **regression_metrics(true, predicted),
                "r2": float(r2_score(true, predicted)) if varies else np.nan,
                "spearman": float(spearmanr(true, predicted).statistic) if ordered else np.nan,
            }
        )
    return found


def subset_metrics(
    y_true: FloatArray, y_pred: FloatArray, subsets: Mapping[str, NDArray[np.bool_]]
) -> dict[str, dict[str, float]]:
    """Return the regression metrics of each subset, a mask (N,), that holds a sample.

    With the subset "cliff" of a MoleculeACE dataset its "rmse" is the cliff RMSE of van Tilborg,
    Alenicheva and Grisoni (J. Chem. Inf. Model. 62 (2022) 5938-5951).
    """
    for name, mask in subsets.items():
        if mask.shape != (len(y_true),):
            raise BadValueError(
                f"mask of subset {name!r}: expected shape ({len(y_true)},), got {mask.shape}"
            )
    held = {name: mask for name, mask in subsets.items() if mask.any()}
    return {name: regression_metrics(y_true[mask], y_pred[mask]) for name, mask in held.items()}


def label_bins(labels: Floats, edges: Floats) -> NDArray[np.int64]:
    """Return the bin, from 0 to E, of each label (N,) of one target.

    ``edges`` (E,) are inner ones, rising, in the labels' unit; a label at an edge is in the bin
    above.

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
    """Return the region of each label (N,), by the number of ``train_labels`` (M,) in its bin.

    With the edges of :func:`label_bins`, a bin of more than ``many`` training samples is many-shot,
    one of fewer than ``few`` (or none) few-shot; the others are medium-shot.

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

    Of one target's ``y_true`` and ``y_pred`` (N,), its ``regions`` (N,) from :func:`shot_regions`
    and ``bins`` (N,) from :func:`label_bins`, in its unit: ``mae_many``, ``mae_medium`` and
    ``mae_few``, each if its region has a sample; ``balanced_mae``, the mean of the MAE of each bin
    that has one; ``gmean``, the geometric mean of the absolute errors, each at least 1e-8.

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
    metrics = by_region("mae", errors, regions)
    metrics["balanced_mae"] = float(np.mean([errors[bins == b].mean() for b in np.unique(bins)]))
    metrics["gmean"] = float(np.exp(np.log(np.maximum(errors, LEAST_ERROR)).mean()))
    return metrics


def by_region(name: str, values: FloatArray, regions: NDArray[np.str_]) -> dict[str, float]:
    """Return the means ``name_REGION`` of the values (N,) of each region that has one."""
    means = {region: values[regions == region] for region in REGIONS}
    return {f"{name}_{region}": float(x.mean()) for region, x in means.items() if len(x)}
