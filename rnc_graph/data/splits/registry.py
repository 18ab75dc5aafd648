"""The splitters by name."""

from __future__ import annotations

from typing import Protocol

from rnc_graph.data.splits.split import Fractions, Split, SplitSamples
from rnc_graph.registry import Registry


class Splitter(Protocol):
    """Divides samples into three sets; samples with equal keys go to the same set.

    A splitter whose test set the data decide, whatever the seed, has an attribute ``by_seed`` that
    is False.
    """

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split; the same arguments give the same one.

        Args:
            samples: N samples.
            seed: of random draws.
            fractions: shares of training, validation and test set; the last may be 0.

        Raises:
            RncGraphError: the shares are not possible, or a set would be empty.
        """
        ...


SPLITS: Registry[Splitter] = Registry("split")
