"""Ranks from classes that are more or less alike."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.training import class_numbers


class ClassRanks(nn.Module):
    """Similarity of labels (B, 1) that are class numbers: 1 is the same class, below 0 unranked.

    Of a label that is missing (NaN) it is NaN.

    Args:
        similarity: C x C, symmetric, of 1 on the diagonal, in [-1, 1]; None ranks the same class
            alone, for any C.

    Raises:
        RncGraphError: another shape or range, or not symmetric.

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
        """The similarities that are ranks, from 1 down to 0 at the least."""
        if matrix is not None:
            self.levels = torch.unique(matrix[matrix >= 0]).flip(0).tolist()
        self.register_buffer("similarity", matrix)

    def prepare(self, labels: Tensor) -> None:
        """See that labels (M, 1) of the training set are class numbers below C.

        Raises:
            RncGraphError: they are not, or there are fewer than 2 classes.
        """
        numbers = self._classes(labels)
        present = torch.unique(numbers[numbers >= 0])
        if len(present) < 2:
            raise BadValueError(
                f"ranks of classes: the training set has {len(present)} classes, at least 2 are "
                "needed"
            )

    def forward(self, labels: Tensor, others: Tensor) -> Tensor:
        """Return the similarity (B, K) of labels (B, 1) with others (K, 1).

        Raises:
            RncGraphError: a label that is no class number, or of C or more.
        """
        own, other = self._classes(labels), self._classes(others)
        if self.similarity is None:
            found = 2 * (own[:, None] == other).float() - 1
        else:
            # Missing ones, -1, take any: they are struck out below.
            found = self.similarity[own][:, other]
        missing = (own < 0)[:, None] | (other < 0)
        return found.masked_fill(missing, torch.nan)

    def _classes(self, labels: Tensor) -> Tensor:
        count = None if self.similarity is None else len(self.similarity)
        return class_numbers(labels, count, "ranks of classes")


def hierarchy_similarity(hierarchy: Sequence[Sequence[int]]) -> list[list[float]]:
    """Return the similarity C x C of classes by the finest group that two have in common.

    It falls evenly from 1, the same class, to 0, the coarsest group; -1 is no group in common.

    Args:
        hierarchy: from the finest to the coarsest, the group of each of the C classes.

    Raises:
        RncGraphError: differing numbers of classes, or a group that a coarser level divides.

    >>> hierarchy_similarity([[0, 0, 1, 2], [0, 0, 0, 1]])[0]
    [1.0, 0.5, 0.0, -1.0]
    """
    lengths = [len(level) for level in hierarchy]
    if min(lengths) < 2 or len(set(lengths)) > 1:
        raise BadValueError(
            f"hierarchy: found levels of {', '.join(map(str, lengths))} classes, right is the "
            "group of each class, of the same 2 classes or more, in each"
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
    ranks = len(levels)
    similarity = (shared - 1) / max(1, ranks - 1)
    rows: list[list[float]] = similarity.masked_fill(shared == 0, -1.0).tolist()
    return rows


def _checked(similarity: Sequence[Sequence[float]]) -> Tensor:
    count = len(similarity)
    lengths = {len(row) for row in similarity}
    if count < 2 or lengths != {count}:
        raise BadValueError(
            f"similarity: found {count} rows of {', '.join(map(str, sorted(lengths)))} numbers, "
            "right is one row and one column for each of 2 classes or more"
        )
    matrix = torch.tensor([list(row) for row in similarity])
    off = (~(matrix.abs() <= 1)).nonzero()
    if len(off):
        row, column = off[0].tolist()
        raise BadValueError(
            f"similarity: found {matrix[row, column]:g} of classes {row} and {column}, right is "
            "-1 to 1, and below 0 for classes that are unranked"
        )
    uneven = (matrix != matrix.T).nonzero()
    if len(uneven):
        row, column = uneven[0].tolist()
        raise BadValueError(
            f"similarity: found {matrix[row, column]:g} of classes {row} and {column}, but "
            f"{matrix[column, row]:g} of {column} and {row}; it must be symmetric"
        )
    if not (matrix.diagonal() == 1).all():
        raise BadValueError("similarity: a class's similarity to itself, the diagonal, must be 1")
    return matrix
