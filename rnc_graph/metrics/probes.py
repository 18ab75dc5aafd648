"""Targets read off a frozen embedding: by a line, and by neighbors."""

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rnc_graph.metrics.arrays import FloatArray, Floats, checked
from rnc_graph.metrics.neighbors import Blocks, check_k, distance_blocks, shares

# Ridge strengths tried, for standardized features: two a decade.
STRENGTHS = np.logspace(-3, 6, 19)


def linear_probe(train_embedding: Floats, train_targets: Floats, embedding: Floats) -> FloatArray:
    """Predict targets by ridge regression on standardized features.

    The strength is chosen for each target among ``STRENGTHS`` by the squared leave-one-out error on
    the training set; shift and scale of the features are the training set's. Deterministic.

    Args:
        train_embedding: (M, d).
        train_targets: (M, t) in any unit.
        embedding: (N, d).

    Returns:
        (N, t) predictions in the unit of ``train_targets``.

    Raises:
        RncGraphError: shapes that do not fit, fewer than two rows, or a value that is not finite.

    >>> x = np.linspace(0, 1, 50)[:, None]
    >>> linear_probe(x, 3 * x, np.array([[0.0], [0.5]])).round(3).tolist()
    [[0.0], [1.5]]
    """
    train_embedding, train_targets, embedding = _checked(train_embedding, train_targets, embedding)
    model = make_pipeline(StandardScaler(), RidgeCV(STRENGTHS, alpha_per_target=True))
    predicted = model.fit(train_embedding, train_targets).predict(embedding)
    return np.asarray(predicted, dtype=np.float64).reshape(len(embedding), -1)


def nearest_neighbors(
    train_embedding: Floats,
    train_targets: Floats,
    embedding: Floats,
    k: int = 5,
    *,
    blocks: Blocks = distance_blocks,
) -> FloatArray:
    """Predict targets by the mean of the k nearest, each weighted by 1 / its Euclidean distance.

    Training samples at distance 0 alone count where there are any. Those that tie for the last
    places share them (see :func:`~rnc_graph.metrics.neighbors.shares`), so a constant embedding
    predicts the training set's mean. With k above M all M are taken. Deterministic.

    Args:
        train_embedding: (M, d).
        train_targets: (M, t) in any unit.
        embedding: (N, d).
        k: neighbors.
        blocks: what yields the distances, in place of the Euclidean ones.

    Returns:
        (N, t) predictions in the unit of ``train_targets``.

    Raises:
        RncGraphError: as :func:`linear_probe`, or k below 1.

    >>> train, targets = np.array([[0.0], [3.0], [9.0]]), np.array([[1.0], [4.0], [5.0]])
    >>> nearest_neighbors(train, targets, np.array([[1.0], [9.0]]), k=2).round(6).tolist()
    [[2.0], [5.0]]
    """
    train_embedding, train_targets, embedding = _checked(train_embedding, train_targets, embedding)
    check_k("k", k)
    predicted = np.empty((len(embedding), train_targets.shape[1]))
    for rows, distances in blocks(embedding, train_embedding):
        nearest = distances.min(axis=1, keepdims=True)
        # 1 / distance, times the nearest one's: nothing overflows, and at 0 it counts alone.
        closeness = np.ones_like(distances)
        np.divide(nearest, distances, out=closeness, where=distances > 0)
        weights = shares(distances, k) * closeness
        predicted[rows] = weights @ train_targets / weights.sum(axis=1, keepdims=True)
    return predicted


def _checked(
    train_embedding: Floats, train_targets: Floats, embedding: Floats
) -> tuple[FloatArray, FloatArray, FloatArray]:
    train = checked("train_embedding", train_embedding)
    return (
        train,
        checked("train_targets", train_targets, rows=len(train)),
        checked("embedding", embedding, width=train.shape[1]),
    )
