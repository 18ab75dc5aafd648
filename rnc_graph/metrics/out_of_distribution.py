"""Scores of the distance to the training distribution (greater is farther), and their detection."""

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
    checked_pair,
    unit_rows,
)
from rnc_graph.metrics.neighbors import Blocks, check_k, distance_blocks

# Share of the in-distribution samples that the threshold of the FPR accepts.
ACCEPTED = 0.95


@dataclass(frozen=True)
class Detection:
    """How well scores separate out-of-distribution from in-distribution samples.

    Attributes:
        auroc: probability that an out-of-distribution sample scores above an in-distribution one,
            ties counted half.
        fpr95: share of the out-of-distribution samples accepted when 95% of the in-distribution
            ones (the positives) are. The threshold is the smallest in-distribution score that
            accepts at least 95%, inclusive.
    """

    auroc: float
    fpr95: float


def nearest_neighbor_scores(
    train_embedding: Floats, embedding: Floats, k: int = 10, *, blocks: Blocks = distance_blocks
) -> FloatArray:
    """Return the distance to the k-th nearest training sample (Sun et al., ICML 2022).

    Embeddings are scaled to unit length first (arXiv 2204.06507, section 3); a row of zeros stays
    zero. If k > M, the farthest is taken.

    Of embeddings (M, d) and (N, d), the scores (N,) are from 0 to 2. ``blocks`` computes the
    distances of the unit rows.

    >>> train = np.array([[1.0, 0.0], [5.0, 0.0]])
    >>> nearest_neighbor_scores(train, np.array([[2.0, 0.0], [-1.0, 0.0]]), k=2).tolist()
    [0.0, 2.0]
    """
    train, queries = checked_pair(train_embedding, embedding)
    check_k("k", k)
    last = min(k, len(train)) - 1
    scores = np.empty(len(queries))
    for rows, distances in blocks(unit_rows(queries), unit_rows(train)):
        scores[rows] = np.partition(distances, last, axis=1)[:, last]
    return scores


def mahalanobis_scores(
    train_embedding: Floats, embedding: Floats, train_classes: Labels | None = None
) -> FloatArray:
    """Return the Mahalanobis distance to the nearest class mean of the training set.

    As in Lee et al. (NeurIPS 2018, arXiv 1807.03888, section 2.1): a Gaussian for each class, all
    with one covariance, or one Gaussian without classes. The covariance is shrunk (Ledoit and
    Wolf, J. Multivariate Anal. 88, 2004), so M may be below d. If all training embeddings of each
    class are equal, it is the Euclidean distance.

    Of embeddings (M, d) and (N, d), with class numbers (M,) or None, the scores (N,) are from 0 up,
    not squared.

    >>> train = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    >>> mahalanobis_scores(train, np.array([[0.0, 0.0], [1.0, 1.0]])).round(6).tolist()
    [0.0, 2.0]
    """
    train, queries = checked_pair(train_embedding, embedding)
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
    # Smaller residuals are the rounding of equal embeddings.
    if np.abs(residuals).max() > 1e-12 * np.abs(train).max():
        precision = LedoitWolf(assume_centered=True).fit(residuals).get_precision()
        strengths, directions = np.linalg.eigh(precision)
        turn = directions * np.sqrt(np.maximum(strengths, 0.0))
    return np.asarray(cdist(queries @ turn, means @ turn).min(axis=1))


def detection(in_distribution: Floats, ood: Floats) -> Detection:
    """Evaluate the scores of in-distribution (N,) and of out-of-distribution samples (L,).

    >>> detection(np.array([0.1, 0.3]), np.array([0.2, 0.4, 0.5, 0.6]))
    Detection(auroc=0.875, fpr95=0.25)
    """
    in_distribution = checked("in_distribution", in_distribution, dimensions=1)
    ood = checked("ood", ood, dimensions=1)
    is_ood = np.repeat([0, 1], [len(in_distribution), len(ood)])
    threshold = np.quantile(in_distribution, ACCEPTED, method="inverted_cdf")
    return Detection(
        auroc=float(roc_auc_score(is_ood, np.concatenate([in_distribution, ood]))),
        fpr95=float(np.mean(ood <= threshold)),
    )
