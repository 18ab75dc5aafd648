"""How a dataset is divided, and what is then done to its training, validation and test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnc_graph.data.bounds import with_bounds_and_weights
from rnc_graph.data.long_tail import thin_classes, thin_to_long_tail
from rnc_graph.data.scaling import TargetScaler, Transform
from rnc_graph.data.splits import SPLITS, SplitSamples, Splitter
from rnc_graph.data.splits.split import checked_indices
from rnc_graph.data.table import FloatArray, exact_values
from rnc_graph.errors import BadValueError
from rnc_graph.quantiles import quantile_edges


@dataclass(frozen=True)
class LongTail:
    """How a training set is thinned, by its first target: see ``thin_to_long_tail``."""

    imbalance: float
    bins: int = 10
    tail: Literal["high", "low"] = "high"


@dataclass(frozen=True)
class DatasetSplit:
    """One split of a dataset.

    Attributes:
        train, validation, test: indices of the sets.
        scaler: fitted on the training set.
        targets: (N, t) float32, standardized, NaN where missing; the training set's with noise. Or
            (N, t, 3), with bounds and weights, as ``weighted_bounds`` makes them.
        true_targets: (N, t) float32, standardized, without noise, NaN where missing or a bound.
        training_targets: (len(train), t) the same in the targets' unit.
        edges: inner edges of the bins that a long tail was thinned by, in the unit of the first
            target; none without one.
        band: limits of the labels that only the test set has, low included and high not, in the
            unit of the first target; None without one.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    scaler: TargetScaler
    targets: Tensor
    true_targets: Tensor
    training_targets: FloatArray
    edges: FloatArray
    band: tuple[float, float] | None = None


@dataclass(frozen=True)
class SplitRecipe:
    """How a dataset is divided, and what is then done to its sets, in this order.

    Attributes:
        fractions: shares of training, validation and test set.
        splitter: None takes the published split of images that have one, else a random split.
        unseen: two quantiles of the training set's first target; training and validation set
            lose the samples between them, the test set keeps them.
        train_size: share of the training set that is kept, drawn at random; with one seed a
            smaller training set is a subset of a larger one.
        long_tail: how the training set is thinned, if it is.
        label_noise: share of the training set whose targets are permuted.
    """

    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    splitter: Splitter | None = None
    unseen: tuple[float, float] | None = None
    train_size: float = 1.0
    long_tail: LongTail | None = None
    label_noise: float = 0.0

    def split(self, table: Any, seed: int, transforms: Sequence[Transform] = ()) -> DatasetSplit:
        """Divide a table, and standardize its targets by the training set; classes stay numbers.

        ``table`` is as in :meth:`SplitSamples.of`; it may have ``classes``, of which targets are
        indices, and ``censored`` and ``weights``, as a ``MoleculeTable``. ``transforms`` are of
        the t targets; () for none.

        Raises:
            RncGraphError: a set would be empty, or a splitter does not fit the samples.
        """
        table = getattr(table, "table", table)  # Of a dataset of molecules.
        samples = SplitSamples.of(table)
        published = getattr(table, "published_split", None) is not None
        splitter = self.splitter or SPLITS.make("published" if published else "random")
        split = checked_indices(
            splitter.split(samples, seed, self.fractions),
            len(samples),
            f"{table.name}, seed {seed}: split {type(splitter).__name__}",
            self.fractions,
        )
        censored = getattr(table, "censored", None)
        known = exact_values(table.targets, censored)
        label = known[:, 0]
        classes = len(getattr(table, "classes", ()))
        train, validation = split.train, split.validation
        if classes and self.unseen is not None:
            raise BadValueError(f"{table.name}: unseen: expected measured targets, got classes")
        band = None
        if self.unseen is not None:
            low, high = np.nanquantile(label[train], self.unseen)
            # The test set may have labels beyond those of the training set.
            band = (
                float(low) if self.unseen[0] > 0 else float("-inf"),
                float(high) if self.unseen[1] < 1 else float("inf"),
            )
            train, validation = (
                index[~within(label[index], band)] for index in (train, validation)
            )
        train = self._smaller(train, seed)
        train, edges = self._thinned(train, label[train], classes, seed)
        if min(len(train), len(validation)) == 0:
            raise BadValueError(
                f"{table.name}, seed {seed}: expected at least one training and one validation "
                f"sample, got {len(train)} and {len(validation)}; narrow the band of unseen labels"
            )
        targets = table.targets.copy()
        targets[train] = self._noisy(targets[train], seed)
        if censored is not None:
            censored = censored.copy()
            censored[train] = self._noisy(censored[train], seed)
        exact = exact_values(targets, censored)
        weights = getattr(table, "weights", None)
        # A class index is not a quantity.
        scaler = (
            TargetScaler(np.zeros(1), np.ones(1))
            if classes
            else TargetScaler.fit(exact[train], table.target_names, transforms)
        )
        return DatasetSplit(
            train=torch.from_numpy(train),
            validation=torch.from_numpy(validation),
            test=torch.from_numpy(split.test),
            scaler=scaler,
            targets=with_bounds_and_weights(
                torch.from_numpy(scaler.standardize(targets)).float(),
                censored,
                None if weights is None else weights / weights[train].mean(),
            ),
            true_targets=torch.from_numpy(scaler.standardize(known)).float(),
            training_targets=targets[train],
            edges=edges,
            band=band,
        )

    def _thinned(
        self, train: NDArray[np.int64], labels: FloatArray, classes: int, seed: int
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the training set with a long tail, and the edges of the bins."""
        edges: FloatArray = np.empty(0)
        tail = self.long_tail
        if tail is None:
            return train, edges
        if classes:
            index = labels.astype(np.int64)
            kept = thin_classes(index, imbalance=tail.imbalance, classes=classes, seed=seed)
        else:
            edges = quantile_edges(labels, tail.bins)
            kept = thin_to_long_tail(
                labels, imbalance=tail.imbalance, bins=tail.bins, tail=tail.tail, seed=seed
            )
        return train[kept], edges

    def _smaller(self, train: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        if self.train_size == 1:
            return train
        order = np.random.default_rng([seed, 1]).permutation(len(train))
        # At least two: standardizing needs a spread.
        return train[np.sort(order[: max(2, round(self.train_size * len(train)))])]

    def _noisy(self, targets: NDArray[Any], seed: int) -> NDArray[Any]:
        """Return what is known of (M, t) targets, with a share of the M permuted."""
        rng = np.random.default_rng([seed, 2])
        chosen = rng.permutation(len(targets))[: round(self.label_noise * len(targets))]
        noisy = targets.copy()
        # Each takes its neighbor's in a random order, so that none keeps its own.
        noisy[chosen] = targets[np.roll(chosen, 1)]
        return noisy


def within(labels: FloatArray, band: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which labels (N,) lie in a band: its low limit included, its high limit not."""
    return (labels >= band[0]) & (labels < band[1])
