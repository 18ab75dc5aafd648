"""What the members predict of molecules that they did not learn from, and how it is combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.table import FloatArray
from rnc_graph.models.members import Fitted, TrainingSet
from rnc_graph.models.mixture import cross_weights, mixture_weights
from rnc_graph.models.network import Network


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of n training molecules by members that did not learn from them.

    Networks are equals: they share one weight, and each molecule is predicted by those that did
    not see it.

    Attributes:
        training: what the members were trained on.
        members: (m, n, t) standardized, NaN where there is none.
        votes: (n, t, g) standardized: the mean of the networks, if there are any, and each other
            member; NaN where there is none.
        sizes: (g,) how many members each of them stands for.
        stacked: whether the weights are learned.
    """

    training: TrainingSet
    members: FloatArray
    votes: FloatArray
    sizes: list[int]
    stacked: bool

    @classmethod
    def of(cls, fitted: Sequence[Fitted], training: TrainingSet, stacked: bool) -> OutOfFold:
        """Take the predictions of m members."""
        networks = [one.out_of_fold for one in fitted if isinstance(one.member, Network)]
        others = [one.out_of_fold for one in fitted if not isinstance(one.member, Network)]
        sizes = [1] * len(others)
        if networks:
            count = np.isfinite(networks).sum(axis=0)
            mean = np.nansum(networks, axis=0) / np.maximum(count, 1)
            others = [np.where(count > 0, mean, np.nan), *others]
            sizes = [len(networks), *sizes]
        # Of a single vote nothing is learned: networks alone are equals.
        return cls(
            training=training,
            members=np.stack([one.out_of_fold for one in fitted]),
            votes=np.stack(others, axis=2),
            sizes=sizes,
            stacked=stacked and len(sizes) > 1,
        )

    def weights(self) -> FloatArray:
        """Return the weights of m members for each target, (m, t)."""
        sizes = np.array(self.sizes)
        return np.repeat(self.weights_of_votes / sizes[:, None], sizes, axis=0)

    @cached_property
    def weights_of_votes(self) -> FloatArray:
        """The weights of the votes for each target, (g, t)."""
        if not self.stacked:
            share = np.array(self.sizes) / sum(self.sizes)
            return np.tile(share[:, None], (1, self.votes.shape[1]))
        return mixture_weights(self.votes, *self._y_true)

    def cross_weights(self) -> FloatArray:
        """Return weights of each molecule's votes, (g, n, t), learned without its fold."""
        if not self.stacked:
            return np.tile(self.weights_of_votes[:, None], (1, len(self.votes), 1))
        return cross_weights(self.votes, *self._y_true, fold=self.training.fold.numpy())

    @cached_property
    def _y_true(self) -> tuple[FloatArray, NDArray[np.int64], FloatArray | None]:
        training = self.training
        return training.completed(self.votes), training.molecules(), training.weights()
