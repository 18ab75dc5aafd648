"""Mini-batches of samples and of augmented views of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from rnc_graph.data.packed import Level, collated
from rnc_graph.data.schema import GraphSchema
from rnc_graph.data.transforms import Compose
from rnc_graph.errors import BadValueError
from rnc_graph.pyg import Batch, Data
from rnc_graph.seeding import drawing_from

Transform = Callable[..., Any]
"""An augmentation, ``transform(batch, generator)``, or a transform of PyG, ``transform(data)``."""

Transforms = Transform | Sequence[Transform] | None


class Dataset(Protocol):
    """N samples that are batched by index."""

    @property
    def y(self) -> Any:
        """(N, t) targets."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor, /) -> Any:
        """Return the inputs of the samples ``index`` (B,)."""


@dataclass(frozen=True)
class Subset:
    """Samples of a dataset, with targets of their own.

    Args:
        inputs: what has ``batch(index)``, or a tensor (N, ...) of one input a sample.
        index: (M,) samples of ``inputs``.
        y: (M, t) targets of these samples, NaN where missing.
    """

    inputs: Any
    index: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, index: Tensor, /) -> Any:
        """Return the inputs of some of the M samples."""
        chosen = self.index[index]
        if isinstance(self.inputs, Tensor):
            return self.inputs[chosen.to(self.inputs.device)]
        return self.inputs.batch(chosen)

    @property
    def schema(self) -> GraphSchema | None:
        """What the features of graphs are."""
        return getattr(self.inputs, "schema", None)

    @property
    def device(self) -> torch.device:
        """Where index and targets are; batches are made where the inputs are."""
        return self.index.device

    def to(self, device: torch.device) -> Subset:
        """Return the subset on ``device``; on the CPU if its inputs cannot be moved."""
        if not hasattr(self.inputs, "to"):
            return self
        return Subset(self.inputs.to(device), self.index.to(device), self.y.to(device))


class Loader:
    """Mini-batches of near-equal size; the counterpart of PyG's ``DataLoader``.

    Yields ``(inputs, targets)``: V * B inputs, view after view (the first views of the B samples,
    then their second views, ...), and the targets (B, t).

    Args:
        dataset: N samples.
        batch_size: the largest B. An epoch has ceil(N / batch_size) batches whose sizes differ by
            at most one, so that no tiny batch upsets a batch normalization.
        shuffle_seed: draw a new order for each epoch, from this seed; None keeps the order.
        views: V.
        transform: augmentations that make each view, applied in order.
        balanced: draw N samples an epoch with replacement, each class equally likely (Kang et al.,
            ICLR 2020, arXiv 1910.09217). The class is the first target; samples without one are
            not drawn.

    Raises:
        RncGraphError: no samples, a batch size below 1, or ``balanced`` without a seed or without
            any class.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 256,
        *,
        shuffle_seed: int | None = None,
        views: int = 1,
        transform: Transforms = None,
        balanced: bool = False,
    ) -> None:
        if batch_size < 1 or len(dataset) == 0:
            raise BadValueError(
                f"expected samples and a batch_size of at least 1, got {len(dataset)} samples and "
                f"batch_size {batch_size}"
            )
        if balanced and shuffle_seed is None:
            raise BadValueError("balanced: expected a shuffle_seed, got None")
        self.dataset = dataset
        self.batch_size = batch_size
        self.views = views
        self.view = _as_view(transform)
        self.augments = views > 1 or transform is not None
        self.shuffle = shuffle_seed is not None
        self.generator = Generator().manual_seed(shuffle_seed or 0)
        self.view_generator = self.generator
        self.share = (0, 1)
        self.balance = _Balance(dataset.y[:, 0].cpu()) if balanced else None

    def shard(self, rank: int, world: int) -> Loader:
        """Return the share of process ``rank`` (from 0) of ``world`` in each batch.

        All processes draw the same batches; each draws its views from a stream of its own.

        Raises:
            RncGraphError: a batch has fewer samples than there are processes.
        """
        smallest = len(self.dataset) // len(self)
        if smallest < world:
            raise BadValueError(
                f"{world} processes cannot share batches of {smallest} samples; "
                "use fewer processes or a larger batch_size"
            )
        shard = copy.copy(self)
        shard.generator = Generator()
        shard.generator.set_state(self.generator.get_state())
        shard.view_generator = Generator().manual_seed(self.generator.initial_seed() + rank)
        shard.share = (rank, world)
        return shard

    @property
    def generators(self) -> list[Generator]:
        """The generators of order and views: the whole state between two epochs."""
        own = self.view_generator is not self.generator
        return [self.generator, self.view_generator] if own else [self.generator]

    def __len__(self) -> int:
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        count = len(self.dataset)
        if self.balance is not None:
            order = self.balance.draw(count, self.generator)
        elif self.shuffle:
            order = torch.randperm(count, generator=self.generator)
        else:
            order = torch.arange(count)
        # Once an epoch, so that no batch waits for a copy.
        order = order.to(self.dataset.y.device)
        rank, world = self.share
        for whole in torch.tensor_split(order, len(self)):
            index = whole.tensor_split(world)[rank]
            inputs = self.dataset.batch(index.repeat(self.views))
            inputs = self.view(inputs, self.view_generator)
            yield inputs, self.dataset.y[index]


class WrappedLoader:
    """Any loader's batches in the form that training takes, ``(inputs, targets)``.

    Args:
        batches: a PyG ``DataLoader`` of graphs with ``y``, or pairs of inputs and targets.
        views: V; each batch is repeated V times.
        transform: augmentations that make each view, applied in order.
        targets: what is done to the targets (B, t) of a batch.
        levels: what tensors of the graphs have a value for, where a batch may not show it.
        seed: of the order (where the loader has no generator of its own) and the views.
    """

    def __init__(
        self,
        batches: Iterable[Any],
        *,
        views: int = 1,
        transform: Transforms = None,
        targets: Callable[[Tensor], Tensor] = lambda y: y,
        levels: Mapping[str, Level] | None = None,
        seed: int = 0,
    ) -> None:
        self.batches = batches
        self.levels = levels or {}
        self.views = views
        self.view = _as_view(transform)
        self.targets = targets
        self.generators = [Generator().manual_seed(seed), *_generators(batches)]

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        generator = self.generators[0]
        for batch in iterate(self.batches, generator):
            inputs, y = split_targets(batch)
            if self.levels:
                inputs._levels = dict(self.levels)
            inputs = self.view(_repeated(inputs, self.views), generator)
            yield inputs, self.targets(y)


def iterate(batches: Iterable[Any], generator: Generator) -> Iterator[Any]:
    """Iterate over a loader; what it draws from global generators comes from ``generator``."""
    with drawing_from(generator):
        iterator = iter(batches)
    while True:
        with drawing_from(generator):
            batch = next(iterator, None)
        if batch is None:
            return
        yield batch


def _generators(batches: Any) -> list[Generator]:
    """Return the generators that a loader draws from, each once."""
    own = getattr(batches, "generators", None)
    if own is not None:  # A loader of this package
        return list(own)
    holders = (batches, *(getattr(batches, name, None) for name in ("sampler", "batch_sampler")))
    found = [getattr(holder, "generator", None) for holder in holders]
    return list(dict.fromkeys(one for one in found if isinstance(one, Generator)))


def split_targets(batch: Any) -> tuple[Any, Tensor]:
    """Return inputs and targets (B, t) of a batch: a pair of them, or a PyG batch with ``y``.

    Raises:
        RncGraphError: neither, or targets that are not one row a graph.
    """
    if isinstance(batch, list | tuple) and len(batch) == 2 and isinstance(batch[1], Tensor):
        inputs, y = batch
        y = y if y.is_floating_point() else y.float()
        return inputs, y[:, None] if y.dim() == 1 else y
    y = getattr(batch, "y", None)
    if not isinstance(y, Tensor) or not isinstance(batch, Data):
        raise BadValueError(
            "expected batches of (inputs, targets), or PyG batches with a tensor y, got "
            f"{type(batch).__name__}" + ("" if y is None else f" with y of {type(y).__name__}")
        )
    graphs = int(getattr(batch, "num_graphs", 1))
    if y.numel() % graphs or (y.dim() > 1 and len(y) != graphs):
        raise BadValueError(
            f"y: expected t targets for each of {graphs} graphs, got shape {tuple(y.shape)}"
        )
    return batch, y.reshape(graphs, -1).float()


def _as_view(transform: Transforms) -> Callable[..., Any]:
    """Return what alters a batch, with a generator to draw from."""
    if transform is None:
        return lambda inputs, generator: inputs
    return Compose([transform] if callable(transform) else transform)


def _repeated(inputs: Any, views: int) -> Any:
    if views == 1:
        return inputs
    if isinstance(inputs, Tensor):
        return inputs.repeat(views, *[1] * (inputs.dim() - 1))
    if isinstance(inputs, Batch):
        return collated(inputs.to_data_list() * views, inputs)
    raise BadValueError(
        f"views: expected batches of graphs or tensors to repeat, got {type(inputs).__name__}"
    )


class _Balance:
    """Draws samples of N classes (N,), NaN for none, each class equally likely."""

    def __init__(self, classes: Tensor) -> None:
        known = ~classes.isnan()
        if not known.any():
            raise BadValueError(f"balanced: none of {len(classes)} samples has a class")
        _, class_of, self.counts = torch.unique(
            classes[known], return_inverse=True, return_counts=True
        )
        self.samples = known.nonzero().flatten()[class_of.argsort(stable=True)]
        self.first = self.counts.cumsum(0) - self.counts

    def draw(self, number: int, generator: Generator) -> Tensor:
        """Return (number,) samples, drawn with replacement."""
        drawn = torch.randint(len(self.counts), (number,), generator=generator)
        # In double precision, a number below 1 times a count stays below the count.
        share = torch.rand(number, dtype=torch.float64, generator=generator)
        return self.samples[self.first[drawn] + (share * self.counts[drawn]).long()]
