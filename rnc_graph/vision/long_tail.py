"""Class sets with a long tail: many images of some classes, few of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError


def exponential_counts(largest: int, classes: int, imbalance: float) -> list[int]:
    """Return how many images each class keeps by the rule of CIFAR-LT.

    n_c = largest * imbalance^(-c / (C - 1)), rounded down and 1 at least, as in "Learning
    Imbalanced Datasets with Label-Distribution-Aware Margin Loss" (Cao et al., NeurIPS 2019, arXiv
    1906.07413).

    Args:
        largest: images of class 0.
        classes: C.
        imbalance: of the first class's count to the last one's, 1 or more.

    Raises:
        RncGraphError: no images, no classes, or an imbalance below 1 or not finite.

    >>> exponential_counts(5000, 10, 100)
    [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    """
    if largest < 1 or classes < 1:
        raise BadValueError(
            f"long tail: found {classes} classes with {largest} images at most, right is 1 or more"
        )
    if not 1 <= imbalance < np.inf:
        raise BadValueError(f"imbalance: found {imbalance}, right is 1 or more, and finite")
    # What is whole but for rounding stays whole.
    shares = imbalance ** (-np.arange(classes) / max(classes - 1, 1))
    return [max(1, int(largest * share + 1e-9)) for share in shares]


def thin_classes(
    labels: NDArray[np.int64], *, imbalance: float, classes: int, seed: int
) -> NDArray[np.int64]:
    """Thin classes by :func:`exponential_counts`, class 0 the head; the most frequent one sets n_0.

    A class with fewer images than the rule leaves it keeps all. With one seed, a greater imbalance
    keeps a subset of what a smaller one keeps.

    Args:
        labels: (M,) numbers of classes, from 0.
        imbalance: of the first class's count to the last one's, 1 or more.
        classes: C.
        seed: the same seed keeps the same images.

    Returns:
        Row numbers kept, rising.

    Raises:
        RncGraphError: as :func:`exponential_counts`, or a label is no number of a class.

    >>> labels = np.repeat(np.arange(3), 100)
    >>> np.bincount(labels[thin_classes(labels, imbalance=100, classes=3, seed=0)]).tolist()
    [100, 10, 1]
    """
    counts = class_counts(labels, classes)
    wanted = exponential_counts(int(counts.max(initial=0)), classes, imbalance)
    kept = []
    for number, count in enumerate(wanted):
        # Each class has a stream of its own, whose beginning is kept, so that imbalances nest.
        rng = np.random.default_rng([seed, number])
        kept.append(rng.permutation(np.flatnonzero(labels == number))[:count])
    return np.sort(np.concatenate(kept)).astype(np.int64)


def class_counts(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return the number of images of each class (C,).

    Raises:
        RncGraphError: a label is no number of a class.
    """
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise BadValueError(f"labels: found {wrong[0]}, right is 0 to {classes - 1}")
    return np.bincount(labels, minlength=classes).astype(np.int64)


def shots(
    counts: NDArray[np.int64], *, many: int = 100, few: int = 20
) -> dict[str, NDArray[np.int64]]:
    """Group classes by how many images they are learnt from, as ImageNet-LT's results are told.

    "Large-Scale Long-Tailed Recognition in an Open World" (Liu et al., CVPR 2019, arXiv
    1904.05160): more than 100 are many, fewer than 20 are few.

    Args:
        counts: (C,) images of each class in the training set.
        many: classes with more are "many".
        few: classes with fewer are "few"; the others are "medium".

    Returns:
        The numbers of the classes in each group.

    >>> {name: group.tolist() for name, group in shots(np.array([500, 100, 20, 19])).items()}
    {'many': [0], 'medium': [1, 2], 'few': [3]}
    """
    return {
        "many": np.flatnonzero(counts > many),
        "medium": np.flatnonzero((counts <= many) & (counts >= few)),
        "few": np.flatnonzero(counts < few),
    }
