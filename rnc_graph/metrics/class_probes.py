"""Classes read off a frozen embedding: by a linear boundary, and by neighbors."""

import numpy as np
from sklearn.linear_model import LogisticRegression
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
)
from rnc_graph.metrics.neighbors import unit_distance_blocks
from rnc_graph.metrics.probes import nearest_neighbors


def linear_class_probe(
    train_embedding: Floats,
    train_labels: Labels,
    embedding: Floats,
    *,
    strength: float = 1.0,
    balanced: bool = False,
) -> Classes:
    """Predict classes by logistic regression on standardized features, over all classes at once.

    Shift and scale of the features are the training set's. Deterministic.

    Args:
        train_embedding: (M, d).
        train_labels: (M,) class numbers.
        embedding: (N, d).
        strength: of the penalty, against the summed cross-entropy.
        balanced: weigh each sample by the inverse of its class's count.

    Returns:
        (N,) class numbers.

    Raises:
        RncGraphError: shapes that do not fit, fewer than two rows, a value that is not finite, no
            class numbers, fewer than two classes, or a strength that is not positive.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> linear_class_probe(x, 3 * (x[:, 0] > 0), np.array([[-0.5], [0.5]])).tolist()
    [0, 3]
    """
    train, classes, queries = _checked(train_embedding, train_labels, embedding)
    if len(np.unique(classes)) < 2:
        raise BadValueError("train_labels: found one class, right are 2 classes or more")
    if not 0 < strength < np.inf:
        raise BadValueError(f"strength: found {strength}, right is a positive, finite number")
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(
            C=1 / strength, class_weight="balanced" if balanced else None, max_iter=1_000
        ),
    )
    return np.asarray(model.fit(train, classes).predict(queries), dtype=np.int64)


def nearest_classes(
    train_embedding: Floats, train_labels: Labels, embedding: Floats, k: int = 5
) -> Classes:
    """Predict classes by a vote of the k nearest by the cosine, each of weight 1 / its distance.

    Embeddings are scaled to unit length, then as
    :func:`~rnc_graph.metrics.probes.nearest_neighbors`. The lowest of classes that tie wins: a
    constant embedding predicts the training set's most frequent class. Deterministic.

    Args:
        train_embedding: (M, d).
        train_labels: (M,) class numbers.
        embedding: (N, d).
        k: neighbors.

    Returns:
        (N,) class numbers.

    Raises:
        RncGraphError: as :func:`linear_class_probe`, or k below 1; one class is enough.

    >>> train, labels = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 9.0]]), np.array([4.0, 4.0, 2.0])
    >>> nearest_classes(train, labels, np.array([[5.0, 0.0], [0.1, 0.1]]), k=3).tolist()
    [4, 4]
    """
    train, classes, queries = _checked(train_embedding, train_labels, embedding)
    numbers, of_row = np.unique(classes, return_inverse=True)
    one_hot = np.eye(len(numbers))[of_row]
    votes = nearest_neighbors(train, one_hot, queries, k, blocks=unit_distance_blocks)
    return np.asarray(numbers[votes.argmax(axis=1)], dtype=np.int64)


def _checked(
    train_embedding: Floats, train_labels: Labels, embedding: Floats
) -> tuple[FloatArray, Classes, FloatArray]:
    train = checked("train_embedding", train_embedding)
    return (
        train,
        checked_classes("train_labels", train_labels, rows=len(train)),
        checked("embedding", embedding, width=train.shape[1]),
    )
