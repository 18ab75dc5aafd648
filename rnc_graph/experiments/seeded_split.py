"""What all tasks of one split share, and what makes two pieces of work the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from rnc_graph.data import PreparedSplit
from rnc_graph.data.samples import Samples, Store
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.registry import owners_of

# Raised when the same identity would give other numbers, so that no store mixes the two.
FORMAT = 4

Record = dict[str, Any]
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class SeededSplit:
    """What all tasks of one split share.

    Attributes:
        data: digest of the data set, as the encoder sees it.
        spec: how it is divided.
        seed: of the split, the initial weights, and the order of the batches.
    """

    data: str
    spec: SplitSpec
    seed: int

    def identity(self) -> dict[str, Any]:
        """Return what training depends on."""
        return {
            "format": FORMAT,
            "data": self.data,
            "split": self.spec.training_identity(),
            "seed": self.seed,
        }

    def prepared(self, at: Resources) -> PreparedSplit:
        """Divide the data set."""
        return at.datasets[self.data].split(self.seed, self.spec.recipe())


@dataclass(frozen=True)
class Resources:
    """What a process needs for any task.

    Attributes:
        datasets: by digest.
        device: a Lightning accelerator.
        ood: out-of-distribution sets, by digest.
    """

    datasets: dict[str, Samples]
    device: str = "cpu"
    ood: dict[str, Store] = field(default_factory=dict)


def with_code(identity: dict[str, Any]) -> dict[str, Any]:
    """Add the content of the user's files that registered any name in an identity."""
    own = owners_of(_texts(identity))
    return {**identity, "code": own} if own else identity


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a nest of mappings and lists, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.items() for nested in item for text in _texts(nested))
    elif isinstance(value, list | tuple):
        yield from (text for nested in value for text in _texts(nested))
