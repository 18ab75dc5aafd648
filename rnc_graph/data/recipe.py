"""How a data set is divided, and what is then done to its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnc_graph.data.featurizer import canonical_smiles
from rnc_graph.data.long_tail import thin_to_long_tail
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.splits import Split, SplitMolecules, Splitter, random_split
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import BadValueError
from rnc_graph.quantiles import quantile_edges
from rnc_graph.vision.long_tail import thin_classes
from rnc_graph.vision.table import ImageTable


@dataclass(frozen=True)
class LongTail:
    """How a training set is thinned, by its first target: see ``thin_to_long_tail``."""

    imbalance: float
    bins: int = 10
    tail: Literal["high", "low"] = "high"


@dataclass(frozen=True)
class PreparedSplit:
    """One split of a data set.

    Attributes:
        train: (rows,) molecules of the training set.
        validation: (rows,) of the validation set.
        test: (rows,) of the test set.
        scaler: fitted on the training set.
        targets: (N, t) float32, standardized, of all molecules; those of the training set as they
            are learnt from, noise included.
        training_targets: (len(train), t) the same in the targets' unit.
        edges: inner edges, in the unit of the first target, of the bins that a long tail was
            thinned by; none without one.
        band: ends of the labels that only the test set has, low included and high not, in the
            unit of the first target; None without one.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    scaler: TargetScaler
    targets: Tensor
    training_targets: FloatArray
    edges: FloatArray
    band: tuple[float, float] | None = None


@dataclass(frozen=True)
class Splitercipe:
    """How a data set is divided, and what is then done to its parts, in this order.

    Attributes:
        fractions: shares of training, validation and test set.
        splitter: what draws the parts; None draws rows at random, whatever molecules they hold,
            or takes the parts that a set of images comes with.
        unseen: two quantiles of the training set's first target; training and validation set
            lose the molecules between them, the test set keeps them.
        train_size: share of the training set that is kept, drawn at random; with one seed a
            smaller part is a part of a larger one.
        long_tail: how the training set is thinned, if it is.
        label_noise: share of the training set whose targets change places among themselves.
    """

    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    splitter: Splitter | None = None
    unseen: tuple[float, float] | None = None
    train_size: float = 1.0
    long_tail: LongTail | None = None
    label_noise: float = 0.0

    def prepare(self, table: MoleculeTable | ImageTable, seed: int) -> PreparedSplit:
        """Divide a table, and standardize its targets by the training set; classes stay numbers.

        Raises:
            RncGraphError: a part would be empty, or a splitter of molecules is asked to divide
                images.
        """
        split = self._divide(table, seed)
        label = table.targets[:, 0]
        classes = len(table.classes) if isinstance(table, ImageTable) else 0
        train, validation = split.train, split.validation
        if classes and self.unseen is not None:
            raise BadValueError(
                f"{table.name}: unseen is a band of a measured label, found classes"
            )
        band = None
        if self.unseen is not None:
            low, high = np.quantile(label[train], self.unseen)
            band = float(low), float(high) if self.unseen[1] < 1 else float("inf")
            train, validation = (rows[~within(label[rows], band)] for rows in (train, validation))
        train = self._smaller(train, seed)
        edges = np.empty(0)
        if self.long_tail is not None:
            tail = self.long_tail
            if classes:
                labels = label[train].astype(np.int64)
                kept = thin_classes(labels, imbalance=tail.imbalance, classes=classes, seed=seed)
            else:
                edges = quantile_edges(label[train], tail.bins)
                kept = thin_to_long_tail(
                    label[train],
                    imbalance=tail.imbalance,
                    bins=tail.bins,
                    tail=tail.tail,
                    seed=seed,
                )
            train = train[kept]
        if min(len(train), len(validation)) == 0:
            raise BadValueError(
                f"{table.name}, seed {seed}: {len(train)} training and {len(validation)} "
                "validation samples are left, each part needs one; a narrower band of unseen "
                "labels leaves more"
            )
        targets = table.targets.copy()
        targets[train] = self._noisy(targets[train], seed)
        # The number of a class is no quantity.
        scaler = (
            TargetScaler(np.zeros(1), np.ones(1))
            if classes
            else TargetScaler.fit(targets[train], table.target_names)
        )
        return PreparedSplit(
            train=torch.from_numpy(train),
            validation=torch.from_numpy(validation),
            test=torch.from_numpy(split.test),
            scaler=scaler,
            targets=torch.from_numpy(scaler.standardize(targets)).float(),
            training_targets=targets[train],
            edges=edges,
            band=band,
        )

    def _divide(self, table: MoleculeTable | ImageTable, seed: int) -> Split:
        if isinstance(table, ImageTable) and table.parts is not None and self.splitter is None:
            return self._published(table, seed)
        if self.splitter is None:
            return random_split(len(table), seed, self.fractions)
        if isinstance(table, ImageTable):
            raise BadValueError(
                f"{table.name}: a splitter divides molecules; images are divided at random, or "
                "into the parts that their set comes with"
            )
        canonical = [canonical_smiles(smiles) for smiles in table.smiles]
        return self.splitter.split(SplitMolecules.of(table, canonical), seed, self.fractions)

    def _published(self, table: ImageTable, seed: int) -> Split:
        """Return the parts that a table comes with; a validation set it lacks is drawn.

        It is taken from the training set, in the proportion of their shares, by the seed.
        """
        train, validation = table.part("train"), table.part("val")
        for part in ("train", "test"):
            if len(table.part(part)) == 0:
                raise BadValueError(
                    f"{table.name}: its split has no {part} part; add one, or give its images "
                    "without a split, to be divided at random"
                )
        if len(validation) == 0:
            own, held, _ = self.fractions
            order = np.random.default_rng([seed, 4]).permutation(train)
            count = round(len(train) * held / (own + held))
            validation, train = np.sort(order[:count]), np.sort(order[count:])
        return Split(train, validation, table.part("test"))

    def _smaller(self, train: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        if self.train_size == 1:
            return train
        order = np.random.default_rng([seed, 1]).permutation(len(train))
        # Two at least: a spread is needed to standardize by.
        return train[np.sort(order[: max(2, round(self.train_size * len(train)))])]

    def _noisy(self, targets: FloatArray, seed: int) -> FloatArray:
        """Return (M, t) targets of which a share has changed places."""
        rng = np.random.default_rng([seed, 2])
        rows = rng.permutation(len(targets))[: round(self.label_noise * len(targets))]
        noisy = targets.copy()
        # Each takes its neighbor's in a random order, so that none keeps its own.
        noisy[rows] = targets[np.roll(rows, 1)]
        return noisy


def within(labels: FloatArray, band: tuple[float, float]) -> NDArray[np.bool_]:
    """Say which labels (N,) lie in a band: its low end included, its high end not."""
    return (labels >= band[0]) & (labels < band[1])
