"""Members of extremely randomized trees, on descriptors alone or beside fingerprints."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from rnc_graph.data.fingerprints import BINS, FINGERPRINTS
from rnc_graph.data.table import FloatArray
from rnc_graph.models.columns import known_columns
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.quick import LearnedByTarget, predicted_by

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesRegressor

_TREES = 300
# Trees of the first model, which only estimates what lies beyond bounds.
_FIRST = 100
# A substructure is a column if so many rows have it, and one in so many.
_FEWEST, _ONE_IN = 5, 10

_PARTS = ("feature", "threshold", "left", "right", "value", "roots")


class ExtraTrees(LearnedByTarget):
    """Extremely randomized trees (Geurts et al., Machine Learning 63, 2006), by target.

    Their tensors are for target j the nodes of all trees end to end (feature, threshold, numbers of
    the two children, value; a leaf is its own child) and the numbers of the trees' roots.
    """

    kind = "extra-trees"
    share = 1 / 3
    """The share of the columns that a split chooses from."""

    def __init__(self, n_targets: int, trees: int = _TREES) -> None:
        super().__init__(n_targets)
        self.trees = trees

    def fit(self, inputs: Inputs, targets: Tensor, train: Tensor, seed: int) -> Self:
        """Learn each target from the rows of ``train`` that have it; see ``known_columns``."""
        for target, column in enumerate(known_columns(targets, train, inputs.smiles)):
            scores = self.matrix(inputs.take(torch.from_numpy(column.rows)))
            whole = column.completed(partial(predicted_by, self._forest(_FIRST, seed), scores))
            forest = self._forest(self.trees, seed).fit(scores, whole.values, whole.weights)
            self.learned |= {f"{target}.{name}": part for name, part in _nodes(forest).items()}
        return self

    def _forest(self, trees: int, seed: int) -> ExtraTreesRegressor:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(trees, max_features=self.share, random_state=seed)

    def _target(self, target: int, matrix: NDArray[np.float32]) -> FloatArray:
        feature, threshold, left, right, value, roots = (
            self.learned[f"{target}.{name}"].numpy() for name in _PARTS
        )
        predicted = np.empty(len(matrix))
        for first in range(0, len(matrix), 256):
            block = matrix[first : first + 256]
            # All molecules go down all trees together, a level at a time, until each is at a leaf.
            node = np.repeat(roots, len(block))
            molecule = np.tile(np.arange(len(block)), len(roots))
            moving = np.arange(len(node))
            while moving.size:
                at = node[moving]
                goes_left = block[molecule[moving], feature[at]] <= threshold[at]
                child = np.where(goes_left, left[at], right[at])
                node[moving] = child
                moving = moving[child != at]
            votes = value[node].reshape(len(roots), len(block))
            predicted[first : first + 256] = np.ascontiguousarray(votes.T).mean(axis=1)
        return predicted


class FingerprintTrees(ExtraTrees):
    """The same on descriptors (N, k) beside the counts of c substructures.

    Those of the fingerprints (see :func:`fingerprint_counts`) that one in ten training rows has,
    and at least five. Of more than 20,000 molecules it learns as :class:`ExtraTrees` does, from
    descriptors alone. The tensor ``columns`` (c,) has the numbers of the bins, those of all
    fingerprints end to end.
    """

    kind = "fingerprint-trees"
    largest = 20_000  # A thousand columns of more rows take an hour and more.
    share = 0.2

    def fit(self, inputs: Inputs, targets: Tensor, train: Tensor, seed: int) -> Self:
        """Learn each target from the rows of ``train`` that have it; see ``known_columns``."""
        columns = np.empty(0, dtype=np.int64)
        # Of all molecules, not of ``train``: trees without a fold are like those of the model.
        if len(inputs) > self.largest:
            self.share = super().share
        else:
            counts = inputs.take(train).fingerprint_counts(FINGERPRINTS).values()
            having = np.concatenate([np.bincount(m.indices, minlength=BINS) for m in counts])
            columns = np.flatnonzero(having >= max(_FEWEST, len(train) / _ONE_IN))
        self.learned = {"columns": torch.from_numpy(columns)}
        return super().fit(inputs, targets, train, seed)

    @classmethod
    def size_note(cls, rows: int, labeled: int) -> str:
        """Say whether it learns from descriptors alone, of so many training rows in all."""
        many = rows > cls.largest
        return f"{cls.kind} learn from descriptors alone, of {rows:,} rows" if many else ""

    def matrix(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return descriptors and counts side by side, (N, k + c)."""
        columns = self.learned["columns"].numpy()
        parts = [super().matrix(inputs)]
        if len(columns):
            counts = inputs.fingerprint_counts(FINGERPRINTS)
            for number, name in enumerate(FINGERPRINTS):
                own = columns[columns // BINS == number] % BINS
                parts.append(counts[name][:, own].toarray().astype(np.float32))
        return np.hstack(parts)


def _nodes(forest: ExtraTreesRegressor) -> dict[str, Tensor]:
    """Return the nodes of all trees, end to end."""
    trees = [estimator.tree_ for estimator in forest.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])
    total = int(roots[-1])
    own = np.arange(total)
    shift = np.repeat(roots[:-1], np.diff(roots))

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(tree, name) for tree in trees])

    left, right = joined("children_left"), joined("children_right")
    leaf = left < 0
    parts = {
        "feature": np.where(leaf, 0, joined("feature")).astype(np.int32),
        "threshold": np.where(leaf, 0.0, joined("threshold")),
        "left": np.where(leaf, own, left + shift).astype(np.int32),
        "right": np.where(leaf, own, right + shift).astype(np.int32),
        "value": np.concatenate([tree.value[:, 0, 0] for tree in trees]),
        "roots": roots[:-1].astype(np.int32),
    }
    return {name: torch.from_numpy(part) for name, part in parts.items()}
