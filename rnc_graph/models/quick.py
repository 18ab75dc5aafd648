"""What the members that are no networks share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from rnc_graph.data.table import FloatArray
from rnc_graph.models.columns import Column, known_columns
from rnc_graph.models.inputs import Inputs


class Learned:
    """What is learned of a number of targets is kept as tensors: a saved model needs no pickle."""

    kind: str
    largest: int | None = None
    """The most training rows that a target is learned from: more take too much memory and time."""

    def __init__(self, n_targets: int) -> None:
        self.n_targets = n_targets
        self.learned: dict[str, Tensor] = {}

    def tensors(self) -> dict[str, Tensor]:
        """Return what it has learned."""
        return self.learned

    def load(self, tensors: dict[str, Tensor]) -> Self:
        """Take what another has learned."""
        self.learned = tensors
        return self

    @classmethod
    def size_note(cls, rows: int, labeled: int) -> str:
        """Say which part of a training set it learns from; "" if from all.

        Of ``rows`` in all, ``labeled`` are the most that a target has.
        """
        step = step_of(labeled, cls.largest)
        return f"{cls.kind} learns from one in {step} of the {labeled:,} rows" if step > 1 else ""


class LearnedByTarget(Learned):
    """Each target is learned on its own, by a model of scikit-learn."""

    def matrix(self, inputs: Inputs) -> NDArray[Any]:
        """Return what N molecules are compared by, (N, k)."""
        scores: NDArray[Any] = inputs.scores.numpy()
        return scores

    def predict(self, inputs: Inputs) -> FloatArray:
        """Return the (N, t) standardized predictions."""
        matrix = self.matrix(inputs)
        return np.stack([self._target(target, matrix) for target in range(self.n_targets)], axis=1)

    @abstractmethod
    def _target(self, target: int, matrix: NDArray[Any]) -> FloatArray:
        """Return the (N,) predictions of one target."""


class LearnedByKernel(Learned):
    """Each target is a weighted sum of kernels with the molecules that it is learned from."""

    # What the first prediction makes of these molecules.
    _known: Any = None

    def load(self, tensors: dict[str, Tensor]) -> Self:
        """Take what another has learned."""
        self._known = None
        return super().load(tensors)

    @abstractmethod
    def _kernels(
        self, learned: Inputs, targets: Tensor
    ) -> Iterator[tuple[int, Column, FloatArray]]:
        """Yield each target that a molecule has, what k rows know of it, and their kernel."""

    @abstractmethod
    def _solved(self, kernel: FloatArray, whole: Column, target: int) -> tuple[FloatArray, float]:
        """Return the coefficients (k,) and the intercept of a target without bounds."""

    def _solve(self, kernel: FloatArray, column: Column, target: int) -> tuple[FloatArray, float]:
        """Return the same of a target that may have bounds."""

        def predicted(some: Column, kept: NDArray[np.bool_]) -> FloatArray:
            own = kernel[np.ix_(kept, kept)]
            coefficients, intercept = self._solve(own, some, target)
            values: FloatArray = kernel[:, kept] @ coefficients + intercept
            return values

        return self._solved(kernel, column.completed(predicted), target)

    def _solve_all(
        self, learned: Inputs, targets: Tensor
    ) -> tuple[NDArray[np.int64], dict[str, Tensor]]:
        """Return the S rows with a coefficient, their ``coefficients`` and the ``intercepts``."""
        coefficients = np.zeros((len(learned), self.n_targets))
        intercepts = np.zeros(self.n_targets)
        for target, column, kernel in self._kernels(learned, targets):
            solved = self._solve(kernel, column, target)
            coefficients[column.rows, target], intercepts[target] = solved
        used = np.flatnonzero(coefficients.any(axis=1))
        parts = {"coefficients": coefficients[used], "intercepts": intercepts}
        return used, {name: torch.from_numpy(part) for name, part in parts.items()}

    def keeps_kernel(self, targets: Tensor) -> bool:
        """Tell whether the kernel of all molecules, (n, t) ``targets``, is also that of folds."""
        return True

    def cross_predict(
        self, inputs: Inputs, targets: Tensor, train: Tensor, folds: Sequence[Tensor]
    ) -> FloatArray:
        """Predict each fold of ``train`` from all else, (n, t), with the kernel of all.

        NaN for molecules in none of the folds (n,), and for those that a target is not learned
        from.
        """
        predicted = np.full((len(train), self.n_targets), np.nan)
        if not folds:
            return predicted
        for target, column, kernel in self._kernels(inputs.take(train), targets[train]):
            for mask in folds:
                held = mask.numpy()[column.rows]
                if held.any() and not held.all():
                    own = kernel[np.ix_(~held, ~held)]
                    coefficients, intercept = self._solve(own, column.take(~held), target)
                    votes = kernel[np.ix_(held, ~held)] @ coefficients + intercept
                    predicted[column.rows[held], target] = votes
        return predicted


def step_of(rows: int, most: int | None) -> int:
    """Return the least power of two of which one row in so many are at most ``most`` rows.

    Members with different bounds then have rows in common: all those of the smaller bound.
    """
    step = 1
    while most is not None and rows > step * most:
        step *= 2
    return step


def thinned_columns(
    targets: Tensor, train: Tensor, smiles: Sequence[str], most: int | None
) -> Iterator[tuple[int, Column]]:
    """Yield each target that ``train`` has, and what at most ``most`` of its rows know of it.

    The part is that of all rows of ``targets``: a model without a fold learns from the same part.
    """
    values = targets if targets.dim() == 2 else targets[..., 0]
    measured = (~values.isnan()).sum(dim=0).tolist()
    for target, column in enumerate(known_columns(targets, train, smiles)):
        if len(column.rows):
            yield target, column.take(slice(None, None, step_of(measured[target], most)))


def predicted_by(
    model: Any, matrix: NDArray[Any], some: Column, kept: NDArray[np.bool_]
) -> FloatArray:
    """Return what a model of scikit-learn predicts that learns from some of the rows, (k,)."""
    values: FloatArray = model.fit(matrix[kept], some.values, some.weights).predict(matrix)
    return values
