"""A data set ready for training: its table, its graphs, and splits with standardised targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rnc_graph.data.cache import packed_graphs
from rnc_graph.data.packed import PackedGraphs
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.splits import Split, random_split
from rnc_graph.data.table import MoleculeTable


@dataclass(frozen=True)
class PreparedSplit:
    """One split of a data set.

    Attributes:
        train: (rows,) molecules of the training part.
        validation: (rows,) of the validation part.
        test: (rows,) of the test part.
        scaler: fitted on the training part.
        targets: (N, t) float32, standardised, of all molecules.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    scaler: TargetScaler
    targets: Tensor


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

    def split(self, seed: int, fractions: tuple[float, float, float]) -> PreparedSplit:
        """Split at random by seed, and standardise the targets by the training part."""
        split: Split = random_split(len(self.table), seed, fractions)
        scaler = TargetScaler.fit(self.table.targets[split.train])
        standardised = scaler.standardise(self.table.targets)
        return PreparedSplit(
            train=torch.from_numpy(split.train),
            validation=torch.from_numpy(split.validation),
            test=torch.from_numpy(split.test),
            scaler=scaler,
            targets=torch.from_numpy(standardised).float(),
        )
