"""What all tasks of one split share, and what makes two pieces of work the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rnc_graph.data import LongTail, MoleculeData, PackedGraphs, PreparedSplit
from rnc_graph.experiments.sections import LongTailSpec
from rnc_graph.experiments.store import Store
from rnc_graph.registry import owners_of

# Raised when the same identity would give other numbers, so that no store mixes the two.
FORMAT = 2

Record = dict[str, Any]
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Cell:
    """What all tasks of one split share.

    Attributes:
        data: digest of the data set.
        fractions: shares of training, validation and test part.
        long_tail: how the training part is thinned, if it is.
        seed: of the split, the initial weights, and the order of the batches.
    """

    data: str
    fractions: tuple[float, float, float]
    long_tail: LongTailSpec | None
    seed: int

    def identity(self) -> dict[str, Any]:
        """Return what results depend on."""
        return {
            "format": FORMAT,
            "data": self.data,
            "fractions": list(self.fractions),
            "long_tail": self.long_tail.thinning() if self.long_tail else None,
            "seed": self.seed,
        }

    def split(self, data: MoleculeData) -> PreparedSplit:
        """Split the data set."""
        tail = self.long_tail
        return data.split(self.seed, self.fractions, LongTail(**tail.thinning()) if tail else None)

    def judged(self) -> dict[str, Any]:
        """Return what the measures of a run depend on beside its training."""
        return {"shots": self.long_tail.shots()} if self.long_tail else {}


@dataclass(frozen=True)
class Resources:
    """What a process needs for any task.

    Attributes:
        data: the data set.
        store: the finished work.
        device: a Lightning accelerator.
        outside: molecules from elsewhere, to be told from the training part's, if any.
    """

    data: MoleculeData
    store: Store
    device: str
    outside: PackedGraphs | None = None


def with_code(identity: dict[str, Any]) -> dict[str, Any]:
    """Add the content of the user's files that registered any name in an identity."""
    own = owners_of(set(_texts(identity)))
    return {**identity, "code": own} if own else identity


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a nest of mappings and lists, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.items() for part in item for text in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _texts(part))
