"""What the members that are no networks share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from rnc_graph.data.table import FloatArray
from rnc_graph.models.columns import Column
from rnc_graph.models.inputs import Inputs


class Learned:
    """What is learned of a number of targets is kept as tensors: a saved model needs no pickle."""

    kind: str

    def __init__(self, targets: int) -> None:
        self.targets = targets
        self.learned: dict[str, Tensor] = {}

    def tensors(self) -> dict[str, Tensor]:
        """Return what it has learned."""
        return self.learned

    def load(self, tensors: dict[str, Tensor]) -> Self:
        """Take what another has learned."""
        self.learned = tensors
        return self


class LearnedByTarget(Learned):
    """Each target is learned on its own, by a model of scikit-learn."""

    def matrix(self, inputs: Inputs) -> NDArray[Any]:
        """Return what N molecules are compared by, (N, k)."""
        scores: NDArray[Any] = inputs.scores.numpy()
        return scores

    def predict(self, inputs: Inputs) -> FloatArray:
        """Return the (N, t) standardized predictions."""
        matrix = self.matrix(inputs)
        return np.stack([self._target(target, matrix) for target in range(self.targets)], axis=1)

    @abstractmethod
    def _target(self, target: int, matrix: NDArray[Any]) -> FloatArray:
        """Return the (N,) predictions of one target."""


def predicted_by(
    model: Any, matrix: NDArray[Any], some: Column, kept: NDArray[np.bool_]
) -> FloatArray:
    """Return what a model of scikit-learn predicts that learns from some of the rows, (k,)."""
    values: FloatArray = model.fit(matrix[kept], some.values, some.weights).predict(matrix)
    return values
