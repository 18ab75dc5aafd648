"""A data set ready for training: its table, its graphs, and splits with standardised targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from rnc_graph.data.cache import packed_graphs
from rnc_graph.data.long_tail import quantile_edges, thin_to_long_tail
from rnc_graph.data.packed import PackedGraphs
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.splits import Split, random_split
from rnc_graph.data.table import FloatArray, MoleculeTable


@dataclass(frozen=True)
class LongTail:
    """How a training part is thinned, by its first target: see ``thin_to_long_tail``."""

    imbalance: float
    bins: int = 10
    tail: Literal["high", "low"] = "high"


@dataclass(frozen=True)
class PreparedSplit:
    """One split of a data set.

    Attributes:
        train: (rows,) molecules of the training part.
        validation: (rows,) of the validation part.
        test: (rows,) of the test part.
        scaler: fitted on the training part.
        targets: (N, t) float32, standardised, of all molecules.
        edges: inner edges, in the unit of the first target, of the bins that a long tail was
            thinned by; none without one.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    scaler: TargetScaler
    targets: Tensor
    edges: FloatArray


@dataclass(frozen=True)
class MoleculeData:
    """N molecules: their table and their packed graphs, row by row the same."""

    table: MoleculeTable
    graphs: PackedGraphs

    @classmethod
    def from_table(cls, table: MoleculeTable) -> MoleculeData:
        """Featurise a table, or take its graphs from the cache.

        Raises:
            RncGraphError: a SMILES gives no molecule.
        """
        return cls(table, packed_graphs(table.smiles, table.name))

    def split(
        self, seed: int, fractions: tuple[float, float, float], long_tail: LongTail | None = None
    ) -> PreparedSplit:
        """Split at random by seed, and standardise the targets by the training part.

        Validation and test part stay as they are drawn when the training part is thinned.
        """
        split: Split = random_split(len(self.table), seed, fractions)
        train, edges = split.train, np.empty(0)
        if long_tail is not None:
            labels = self.table.targets[train, 0]
            edges = quantile_edges(labels, long_tail.bins)
            kept = thin_to_long_tail(
                labels,
                imbalance=long_tail.imbalance,
                bins=long_tail.bins,
                tail=long_tail.tail,
                seed=seed,
            )
            train = train[kept]
        scaler = TargetScaler.fit(self.table.targets[train], self.table.target_names)
        standardised = scaler.standardise(self.table.targets)
        return PreparedSplit(
            train=torch.from_numpy(train),
            validation=torch.from_numpy(split.validation),
            test=torch.from_numpy(split.test),
            scaler=scaler,
            targets=torch.from_numpy(standardised).float(),
            edges=edges,
        )
