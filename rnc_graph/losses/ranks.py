"""Ranks of labels: by distance of a continuous target, or by similarity of classes."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import has_target
from rnc_graph.losses.classes import class_numbers
from rnc_graph.losses.pairwise import l1_distance

QUANTILES = (0.05, 0.1, 0.2, 0.4)
# Samples whose pairs are enough to estimate the quantiles of the distances.
_SAMPLE = 2_000


class LabelRanks(nn.Module):
    """Similarity of labels in R steps of their L1 distance.

    A pair no farther apart than the r-th threshold has rank r and similarity
    1 - (r - 1) / (R - 1): from 1 at the first rank to 0 at the last. Beyond the last threshold the
    pair is unranked, -1. It is NaN for labels (NaN where missing) without a target in common.

    Args:
        quantiles: the thresholds as quantiles of the training set's label distances, rising,
            in (0, 1); by default 0.05, 0.1, 0.2 and 0.4.
        thresholds: the thresholds themselves, rising, positive, in standardized units (L1 over the
            targets), instead of quantiles.

    >>> ranks = LabelRanks(thresholds=[0.1, 0.5, 1.0])
    >>> ranks(torch.zeros(1, 1), torch.tensor([[0.0], [0.3], [0.9], [2.0]])).tolist()
    [[1.0, 0.5, 0.0, -1.0]]
    """

    thresholds: Tensor

    def __init__(
        self,
        quantiles: Sequence[float] | None = None,
        thresholds: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if thresholds is None:
            quantiles = QUANTILES if quantiles is None else quantiles
            _check_rising("quantiles", quantiles, 1.0)
        elif quantiles is not None:
            raise BadValueError("ranks take quantiles or thresholds, not both")
        else:
            _check_rising("thresholds", thresholds, float("inf"))
        self.quantiles = quantiles
        self.register_buffer("thresholds", torch.tensor(thresholds or [], dtype=torch.float64))

    def extra_repr(self) -> str:
        """Return the quantiles or the thresholds, for ``print``."""
        if self.quantiles is None:
            return f"thresholds={self.thresholds.tolist()}"
        return f"quantiles={list(self.quantiles)}"

    def setup(self, labels: Tensor) -> None:
        """Compute the thresholds of labels (M, t) if they are given as quantiles."""
        if self.quantiles is None:
            return
        labels = labels[has_target(labels)]
        step = max(1, -(-len(labels) // _SAMPLE))
        distances = _distances(labels[::step].double())
        if not len(distances):
            raise BadValueError(
                "ranks: expected training samples with a target in common, got no such pair among "
                f"{len(labels)} samples with a target"
            )
        levels = torch.tensor(self.quantiles, dtype=torch.float64, device=labels.device)
        self.thresholds = torch.unique(distances.quantile(levels))

    def forward(self, labels: Tensor, others: Tensor) -> Tensor:
        """Return the similarity (B, K) of labels (B, t) with others (K, t)."""
        if not len(self.thresholds):
            raise BadValueError("ranks: call setup(labels) with the training labels first")
        # In float64 like the thresholds: a pair at one may else fall to either side.
        distance = l1_distance(labels.double(), others.double())
        steps = torch.tensor([*self.levels, -1.0], device=labels.device)
        similarity = steps[torch.bucketize(distance, self.thresholds)]
        return similarity.masked_fill(distance.isnan(), torch.nan)

    @property
    def levels(self) -> list[float]:
        """The R similarities, from 1 to 0."""
        count = len(self.thresholds)
        return (1 - torch.arange(count) / max(1, count - 1)).tolist()


class ClassRanks(nn.Module):
    """Similarity of labels (B, 1) that are class numbers: 1 for one class, below 0 unranked.

    It is NaN where a label is missing (NaN).

    Args:
        similarity: C x C, symmetric, 1 on the diagonal, in [-1, 1]. None ranks the same class
            only, for any C.

    >>> ranks = ClassRanks([[1.0, 0.5, -1.0], [0.5, 1.0, -1.0], [-1.0, -1.0, 1.0]])
    >>> ranks(torch.tensor([[1.0]]), torch.tensor([[0.0], [1.0], [2.0]])).tolist()
    [[0.5, 1.0, -1.0]]
    >>> ranks.levels
    [1.0, 0.5]
    """

    similarity: Tensor | None

    def __init__(self, similarity: Sequence[Sequence[float]] | None) -> None:
        super().__init__()
        matrix = None if similarity is None else _checked(similarity)
        self.levels = [1.0]
        """The distinct similarities from 1 down to 0 at the least."""
        if matrix is not None:
            self.levels = torch.unique(matrix[matrix >= 0]).flip(0).tolist()
        self.register_buffer("similarity", matrix)

    def extra_repr(self) -> str:
        """Return the similarities that are ranked, for ``print``."""
        return f"levels={self.levels}"

    def setup(self, labels: Tensor) -> None:
        """Check that training labels (M, 1) are class numbers below C, of 2 classes or more."""
        numbers = self._classes(labels)
        present = torch.unique(numbers[numbers >= 0])
        if len(present) < 2:
            raise BadValueError(
                "ranks of classes: expected at least 2 classes in the training set, got "
                f"{len(present)}"
            )

    def forward(self, labels: Tensor, others: Tensor) -> Tensor:
        """Return the similarity (B, K) of labels (B, 1) with others (K, 1)."""
        own, other = self._classes(labels), self._classes(others)
        if self.similarity is None:
            found = 2 * (own[:, None] == other).float() - 1
        else:
            # Missing classes, -1, index any entry: they are masked below.
            found = self.similarity[own][:, other]
        missing = (own < 0)[:, None] | (other < 0)
        return found.masked_fill(missing, torch.nan)

    def _classes(self, labels: Tensor) -> Tensor:
        count = None if self.similarity is None else len(self.similarity)
        return class_numbers(labels, count, "ranks of classes")


def hierarchy_similarity(hierarchy: Sequence[Sequence[int]]) -> list[list[float]]:
    """Return the similarity C x C of classes by the finest group that two have in common.

    It falls in equal steps from 1, the same class, to 0, the same coarsest group; -1 is no group
    in common.

    ``hierarchy`` is, from the finest to the coarsest level, the group of each of the C classes; no
    group is divided by a coarser level.

    >>> hierarchy_similarity([[0, 0, 1, 2], [0, 0, 0, 1]])[0]
    [1.0, 0.5, 0.0, -1.0]
    """
    lengths = [len(level) for level in hierarchy]
    if min(lengths) < 2 or len(set(lengths)) > 1:
        raise BadValueError(
            "hierarchy: expected at each level the group of each class, of the same 2 classes or "
            f"more, got levels of {', '.join(map(str, lengths))} classes"
        )
    levels = torch.tensor([list(range(lengths[0])), *map(list, hierarchy)])
    same = levels[:, :, None] == levels[:, None]
    divided = (same[:-1] & ~same[1:]).nonzero()
    if len(divided):
        level, first, second = divided[0].tolist()
        raise BadValueError(
            f"hierarchy: classes {first} and {second} share a group at level {level} and none at "
            f"level {level + 1}; levels go from the finest to the coarsest, counted from 1"
        )
    # Each level that two classes share is a step up from no group in common.
    shared = same.sum(0)
    similarity = (shared - 1) / max(1, len(levels) - 1)
    rows: list[list[float]] = similarity.masked_fill(shared == 0, -1.0).tolist()
    return rows


def _checked(similarity: Sequence[Sequence[float]]) -> Tensor:
    count = len(similarity)
    lengths = {len(row) for row in similarity}
    if count < 2 or lengths != {count}:
        raise BadValueError(
            "similarity: expected one row and one column for each of 2 classes or more, got "
            f"{count} rows of {', '.join(map(str, sorted(lengths)))} numbers"
        )
    matrix = torch.tensor([list(row) for row in similarity])
    for expected, wrong in (
        ("-1 to 1 (below 0: unranked)", ~(matrix.abs() <= 1)),
        ("a symmetric matrix", matrix != matrix.T),
        ("1 for a class and itself", (matrix != 1) & torch.eye(count, dtype=torch.bool)),
    ):
        if wrong.any():
            row, column = wrong.nonzero()[0].tolist()
            raise BadValueError(
                f"similarity: expected {expected}, got {matrix[row, column]:g} for classes {row} "
                f"and {column}"
            )
    return matrix


def _distances(labels: Tensor) -> Tensor:
    """Return the distances of all comparable pairs of labels (M, t)."""
    if not labels.isnan().any():
        return torch.pdist(labels, p=1)
    rows = [l1_distance(labels[i : i + 1], labels[i + 1 :])[0] for i in range(len(labels))]
    distances = torch.cat(rows)
    return distances[~distances.isnan()]


def _check_rising(name: str, values: Sequence[float], limit: float) -> None:
    rising = all(low < high for low, high in pairwise(values))
    if not values or not rising or not (values[0] > 0 and values[-1] < limit):
        raise BadValueError(
            f"{name} must be a rising list of numbers between 0 and {limit:g}, got {list(values)}"
        )
