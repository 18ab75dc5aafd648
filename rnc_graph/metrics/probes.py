"""Predictions from a frozen embedding, by a linear model and by nearest neighbors."""

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.arrays import (
    Classes,
    FloatArray,
    Floats,
    Labels,
    checked,
    checked_classes,
    checked_pair,
)
from rnc_graph.metrics.neighbors import (
    Blocks,
    check_k,
    distance_blocks,
    shares,
    unit_distance_blocks,
)

# Candidate strengths of the ridge penalty, for standardized features: two a decade.
STRENGTHS = np.logspace(-3, 6, 19)


def linear_probe(train_embedding: Floats, train_targets: Floats, embedding: Floats) -> FloatArray:
    """Predict targets by ridge regression on features standardized by the training set.

    The strength of each target is the one of ``STRENGTHS`` with the least squared leave-one-out
    error on the training set. Deterministic. Embeddings (M, d) with targets (M, t), in any unit,
    and (N, d) give (N, t).

    >>> x = np.linspace(0, 1, 50)[:, None]
    >>> linear_probe(x, 3 * x, np.array([[0.0], [0.5]])).round(3).tolist()
    [[0.0], [1.5]]
    """
    train, queries = checked_pair(train_embedding, embedding)
    targets = checked("train_targets", train_targets, rows=len(train))
    model = make_pipeline(StandardScaler(), RidgeCV(STRENGTHS, alpha_per_target=True))
    y_pred = model.fit(train, targets).predict(queries)
    return np.asarray(y_pred, dtype=np.float64).reshape(len(queries), -1)


def nearest_neighbors(
    train_embedding: Floats,
    train_targets: Floats,
    embedding: Floats,
    k: int = 5,
    *,
    blocks: Blocks = distance_blocks,
) -> FloatArray:
    """Predict targets by the mean of the k nearest, each weighted by 1 / its Euclidean distance.

    Training samples at distance 0, if any, have all the weight. Ties for the last neighbor are
    shared (see :func:`~rnc_graph.metrics.neighbors.shares`), so a constant embedding predicts the
    mean of the training set. If k > M, all M are neighbors. Deterministic. Shapes as in
    :func:`linear_probe`; ``blocks`` computes the distances.

    >>> train, targets = np.array([[0.0], [3.0], [9.0]]), np.array([[1.0], [4.0], [5.0]])
    >>> nearest_neighbors(train, targets, np.array([[1.0], [9.0]]), k=2).round(6).tolist()
    [[2.0], [5.0]]
    """
    train, queries = checked_pair(train_embedding, embedding)
    targets = checked("train_targets", train_targets, rows=len(train))
    check_k("k", k)
    y_pred = np.empty((len(queries), targets.shape[1]))
    for rows, distances in blocks(queries, train):
        nearest = distances.min(axis=1, keepdims=True)
        # 1 / distance, times the least distance: does not overflow, and is 0 or 1 if that is 0.
        closeness = np.ones_like(distances)
        np.divide(nearest, distances, out=closeness, where=distances > 0)
        weights = shares(distances, k) * closeness
        y_pred[rows] = weights @ targets / weights.sum(axis=1, keepdims=True)
    return y_pred


def linear_class_probe(train_embedding: Floats, train_labels: Labels, embedding: Floats) -> Classes:
    """Predict classes by multinomial logistic regression on features standardized as above.

    Embeddings (M, d) of two or more classes (M,) and (N, d) give (N,). The penalty has weight 1
    beside the summed cross-entropy.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> linear_class_probe(x, 3 * (x[:, 0] > 0), np.array([[-0.5], [0.5]])).tolist()
    [0, 3]
    """
    train, queries = checked_pair(train_embedding, embedding)
    classes = checked_classes("train_labels", train_labels, rows=len(train))
    if len(np.unique(classes)) < 2:
        raise BadValueError("train_labels: expected 2 classes or more, got 1")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    return np.asarray(model.fit(train, classes).predict(queries), dtype=np.int64)


def nearest_classes(
    train_embedding: Floats, train_labels: Labels, embedding: Floats, k: int = 5
) -> Classes:
    """Predict classes by a vote of the k nearest by cosine, weighted as :func:`nearest_neighbors`.

    Distances are those of the embeddings at unit length. The lowest of tied classes wins: a
    constant embedding predicts the most frequent class of the training set. Deterministic.
    Embeddings (M, d) of classes (M,) and (N, d) give (N,).

    >>> train, labels = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 9.0]]), np.array([4.0, 4.0, 2.0])
    >>> nearest_classes(train, labels, np.array([[5.0, 0.0], [0.1, 0.1]]), k=3).tolist()
    [4, 4]
    """
    classes = checked_classes("train_labels", train_labels, rows=len(train_embedding))
    numbers, of_row = np.unique(classes, return_inverse=True)
    one_hot = np.eye(len(numbers))[of_row]
    votes = nearest_neighbors(train_embedding, one_hot, embedding, k, blocks=unit_distance_blocks)
    return np.asarray(numbers[votes.argmax(axis=1)], dtype=np.int64)
