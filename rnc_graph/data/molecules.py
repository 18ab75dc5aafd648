"""A data set ready for training: its table and its graphs."""

from __future__ import annotations

from dataclasses import dataclass

from rnc_graph.data.cache import packed_graphs
from rnc_graph.data.packed import PackedGraphs
from rnc_graph.data.recipe import PreparedSplit, SplitRecipe
from rnc_graph.data.table import MoleculeTable


@dataclass(frozen=True)
class MoleculeData:
    """N molecules: their table and their packed graphs, row by row the same."""

    table: MoleculeTable
    graphs: PackedGraphs

    @classmethod
    def from_table(cls, table: MoleculeTable) -> MoleculeData:
        """Featurize a table, or take its graphs from the cache.

        Raises:
            RncGraphError: a SMILES gives no molecule.
        """
        return cls(table, packed_graphs(table.smiles, table.name))

    def split(self, seed: int, recipe: SplitRecipe) -> PreparedSplit:
        """Divide the molecules by a recipe, and standardize the targets by the training set."""
        return recipe.prepare(self.table, seed)
