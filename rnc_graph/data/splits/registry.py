"""The splitters by name."""

from __future__ import annotations

from typing import Protocol

from rnc_graph.data.splits.molecules import Fractions, SplitMolecules
from rnc_graph.data.splits.split import Split
from rnc_graph.registry import Registry


class Splitter(Protocol):
    """What divides molecules into three parts, none of them in two.

    One whose parts the data decide, whatever the seed, has an attribute ``by_seed`` that is False.
    """

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts; the same arguments give the same ones.

        Args:
            molecules: N rows.
            seed: of what is drawn.
            fractions: shares of training, validation and test set; the last may be 0.

        Raises:
            RncGraphError: the shares are not possible, or a part would be empty.
        """
        ...


SPLITS: Registry[Splitter] = Registry("split")
