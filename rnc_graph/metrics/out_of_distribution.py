"""How far out of the training set's distribution does a sample lie?

Scores are greater farther out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from rnc_graph.metrics.arrays import (
    Classes,
    FloatArray,
    Floats,
    Labels,
    checked,
    checked_classes,
    unit_rows,
)
from rnc_graph.metrics.neighbors import Blocks, check_k, distance_blocks

# Share of the inside samples that the FPR's threshold accepts.
ACCEPTED = 0.95


@dataclass(frozen=True)
class Detection:
    """How well scores tell outside samples from inside ones.

    Attributes:
        auroc: chance that an outside sample scores above an inside one, ties counted half.
        fpr95: share of the outside samples taken for inside when 95% of the inside ones are
            accepted. The positives are the in-distribution samples, at a true positive rate of
            at least 95%; the threshold is the least inside score that reaches it, itself accepted.
    """

    auroc: float
    fpr95: float


def nearest_neighbor_scores(
    train_embedding: Floats,
    embedding: Floats,
    k: int = 10,
    *,
    blocks: Blocks = distance_blocks,
) -> FloatArray:
    """Return the distance to the k-th nearest training sample (Sun et al., ICML 2022).

    Embeddings are scaled to unit length first (arXiv 2204.06507, section 3); a row of zeros stays
    at the center. With k above M the farthest is taken.

    Args:
        train_embedding: (M, d).
        embedding: (N, d).
        k: rank of the neighbor.
        blocks: what yields the distances of the unit rows.

    Returns:
        (N,) scores from 0 to 2.

    Raises:
        RncGraphError: other widths, fewer than two rows, a value that is not finite, or k below 1.

    >>> train = np.array([[1.0, 0.0], [5.0, 0.0]])
    >>> nearest_neighbor_scores(train, np.array([[2.0, 0.0], [-1.0, 0.0]]), k=2).tolist()
    [0.0, 2.0]
    """
    train, queries = _checked(train_embedding, embedding)
    check_k("k", k)
    last = min(k, len(train)) - 1
    scores = np.empty(len(queries))
    for rows, distances in blocks(unit_rows(queries), unit_rows(train)):
        scores[rows] = np.partition(distances, last, axis=1)[:, last]
    return scores


def mahalanobis_scores(
    train_embedding: Floats, embedding: Floats, train_classes: Labels | None = None
) -> FloatArray:
    """Return the Mahalanobis distance to the training set's nearest mean (Lee et al., 2018).

    After arXiv 1807.03888 (NeurIPS 2018), section 2.1: a Gaussian for each class, all of one
    covariance. Without classes one Gaussian stands for the whole training set. The
    covariance is shrunk (Ledoit and Wolf, J. Multivariate Anal. 88, 2004), so M may be below d. All
    training embeddings of a class equal, it is the Euclidean distance to them.

    Args:
        train_embedding: (M, d).
        embedding: (N, d).
        train_classes: (M,) class numbers; None for one Gaussian.

    Returns:
        (N,) scores from 0 up, not squared.

    Raises:
        RncGraphError: other widths, fewer than two rows, a value that is not finite, or no class
            number for each training row.

    >>> train = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    >>> mahalanobis_scores(train, np.array([[0.0, 0.0], [1.0, 1.0]])).round(6).tolist()
    [0.0, 2.0]
    """
    train, queries = _checked(train_embedding, embedding)
    if train_classes is not None:
        classes = checked_classes("train_classes", train_classes, rows=len(train))
        return _to_nearest_class(train, queries, classes)
    if not np.ptp(train, axis=0).any():
        return np.asarray(np.linalg.norm(queries - train[0], axis=1))
    squared = LedoitWolf().fit(train).mahalanobis(queries)
    return np.sqrt(np.maximum(np.asarray(squared, dtype=np.float64), 0.0))


def _to_nearest_class(train: FloatArray, queries: FloatArray, classes: Classes) -> FloatArray:
    of_row = np.unique(classes, return_inverse=True)[1]
    means = np.stack([train[of_row == number].mean(axis=0) for number in range(of_row.max() + 1)])
    residuals = train - means[of_row]
    turn = np.eye(train.shape[1])
    # Below this, what is left of equal embeddings is rounding.
    if np.abs(residuals).max() > 1e-12 * np.abs(train).max():
        precision = LedoitWolf(assume_centered=True).fit(residuals).get_precision()
        strengths, directions = np.linalg.eigh(precision)
        turn = directions * np.sqrt(np.maximum(strengths, 0.0))
    return np.asarray(cdist(queries @ turn, means @ turn).min(axis=1))


def detection(inside: Floats, outside: Floats) -> Detection:
    """Judge scores of samples known to be inside or outside.

    Args:
        inside: (N,) scores of in-distribution samples, such as the test set's.
        outside: (L,) scores of others; greater is farther out.

    Raises:
        RncGraphError: not one score a sample, fewer than two, or a value that is not finite.

    >>> detection(np.array([0.1, 0.3]), np.array([0.2, 0.4, 0.5, 0.6]))
    Detection(auroc=0.875, fpr95=0.25)
    """
    inside = checked("inside", inside, dimensions=1)
    outside = checked("outside", outside, dimensions=1)
    is_outside = np.repeat([0, 1], [len(inside), len(outside)])
    threshold = np.quantile(inside, ACCEPTED, method="inverted_cdf")
    return Detection(
        auroc=float(roc_auc_score(is_outside, np.concatenate([inside, outside]))),
        fpr95=float(np.mean(outside <= threshold)),
    )


def _checked(train_embedding: Floats, embedding: Floats) -> tuple[FloatArray, FloatArray]:
    train = checked("train_embedding", train_embedding)
    return train, checked("embedding", embedding, width=train.shape[1])
