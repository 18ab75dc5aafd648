"""How far out of the training part's distribution does a molecule lie?

Scores are greater farther out.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from rnc_graph.evaluation.arrays import FloatArray, Floats, checked, unit_rows
from rnc_graph.evaluation.neighbours import check_k, distance_blocks

# Share of the inside molecules that the FPR's threshold accepts.
ACCEPTED = 0.95


@dataclass(frozen=True)
class Detection:
    """How well scores tell outside molecules from inside ones.

    Attributes:
        auroc: chance that an outside molecule scores above an inside one, ties counted half.
        fpr95: share of the outside molecules taken for inside when 95% of the inside ones are
            accepted. The positives are the in-distribution molecules, at a true positive rate of
            at least 95%; the threshold is the least inside score that reaches it, itself accepted.
    """

    auroc: float
    fpr95: float


def nearest_neighbour_scores(train_embedding: Floats, embedding: Floats, k: int = 10) -> FloatArray:
    """Return the distance to the k-th nearest training molecule (Sun et al., ICML 2022).

    Embeddings are scaled to unit length first (arXiv 2204.06507, section 3); a row of zeros stays
    at the centre. With k above M the farthest is taken.

    Args:
        train_embedding: (M, d).
        embedding: (N, d).
        k: rank of the neighbour.

    Returns:
        (N,) scores from 0 to 2.

    Raises:
        RncGraphError: other widths, fewer than two rows, a value that is not finite, or k below 1.

    >>> train = np.array([[1.0, 0.0], [5.0, 0.0]])
    >>> nearest_neighbour_scores(train, np.array([[2.0, 0.0], [-1.0, 0.0]]), k=2).tolist()
    [0.0, 2.0]
    """
    train, queries = _checked(train_embedding, embedding)
    check_k("k", k)
    last = min(k, len(train)) - 1
    scores = np.empty(len(queries))
    for rows, distances in distance_blocks(unit_rows(queries), unit_rows(train)):
        scores[rows] = np.partition(distances, last, axis=1)[:, last]
    return scores


def mahalanobis_scores(train_embedding: Floats, embedding: Floats) -> FloatArray:
    """Return the Mahalanobis distance to the training part's mean (Lee et al., NeurIPS 2018).

    One Gaussian stands for the whole training part, as a continuous target has no classes. Its
    covariance is shrunk (Ledoit and Wolf, J. Multivariate Anal. 88, 2004), so M may be below d. All
    training embeddings equal, it is the Euclidean distance to them.

    Args:
        train_embedding: (M, d).
        embedding: (N, d).

    Returns:
        (N,) scores from 0 up, not squared.

    Raises:
        RncGraphError: other widths, fewer than two rows, or a value that is not finite.

    >>> train = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    >>> mahalanobis_scores(train, np.array([[0.0, 0.0], [1.0, 1.0]])).round(6).tolist()
    [0.0, 2.0]
    """
    train, queries = _checked(train_embedding, embedding)
    if not np.ptp(train, axis=0).any():
        return np.asarray(np.linalg.norm(queries - train[0], axis=1))
    squared = LedoitWolf().fit(train).mahalanobis(queries)
    return np.sqrt(np.maximum(np.asarray(squared, dtype=np.float64), 0.0))


def detection(inside: Floats, outside: Floats) -> Detection:
    """Judge scores of molecules known to be inside or outside.

    Args:
        inside: (N,) scores of in-distribution molecules, such as the test part's.
        outside: (L,) scores of others; greater is farther out.

    Raises:
        RncGraphError: not one score a molecule, fewer than two, or a value that is not finite.

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
