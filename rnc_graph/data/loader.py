"""Batches of samples, or of views of them."""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from rnc_graph.data.transforms import View
from rnc_graph.errors import BadValueError


class Batches:
    """One pass over some samples in batches of near-equal size.

    Each batch is a pair: V * B inputs, view after view (the B samples' first views, then their
    second views, ...), and the targets (B, t).

    Args:
        take: rows (R,) in, their R inputs out: ``GraphDataset.batch`` for graphs, or the
            ``__getitem__`` of a tensor of embeddings.
        targets: (N, t) targets of the whole store.
        index: (M,) the samples to pass over.
        batch_size: largest B. An epoch of M samples has ceil(M / batch_size) batches whose sizes
            differ by one at most, so that no tiny batch upsets a batch normalization.
        shuffle_seed: draw a new order each pass, from this seed; None keeps the order of ``index``.
        views: V.
        view: the augmentation that makes each view; None leaves the inputs as they are.
        balanced: (N,) class of each sample of the whole store, NaN where it has none. Each pass
            then draws M samples with replacement, each class of ``index`` equally likely (Kang et
            al., ICLR 2020, arXiv 1910.09217); those without a class are not drawn.

    Raises:
        RncGraphError: no samples, a batch size below 1, or ``balanced`` without a class for each
            sample, without any, or without a seed.
    """

    def __init__(
        self,
        take: Callable[[Tensor], Any],
        targets: Tensor,
        index: Tensor,
        batch_size: int = 256,
        *,
        shuffle_seed: int | None = None,
        views: int = 1,
        view: View | None = None,
        balanced: Tensor | None = None,
    ) -> None:
        if batch_size < 1 or len(index) == 0:
            raise BadValueError(
                f"batches need samples and a size from 1; found {len(index)} samples and size "
                f"{batch_size}"
            )
        self.take = take
        self.targets = targets
        self.index = index
        self.batch_size = batch_size
        self.views = views
        self.view = view
        self.shuffle = shuffle_seed is not None
        self.generator = torch.Generator().manual_seed(shuffle_seed or 0)
        self.view_generator = self.generator
        self.share = (0, 1)
        self.balance = None
        if balanced is not None:
            if balanced.shape != targets.shape[:1] or not self.shuffle:
                raise BadValueError(
                    f"balanced batches need a shuffle_seed and a class of each of the "
                    f"{len(targets)} samples, found shuffle_seed {shuffle_seed} and classes of "
                    f"shape {tuple(balanced.shape)}"
                )
            self.balance = _Balance(index, balanced[index])

    def shard(self, rank: int, world: int) -> "Batches":
        """Return the share of each batch that one of several processes has.

        The batches are the same in all of them; each draws its views from a stream of its own.

        Args:
            rank: of the process, from 0.
            world: how many there are.

        Raises:
            RncGraphError: a batch has fewer samples than there are processes.
        """
        fewest = len(self.index) // len(self)
        if fewest < world:
            raise BadValueError(
                f"{world} processes cannot share batches of {fewest} samples; "
                "take fewer processes, or a greater batch_size"
            )
        shard = copy.copy(self)
        shard.generator = torch.Generator()
        shard.generator.set_state(self.generator.get_state())
        shard.view_generator = torch.Generator().manual_seed(self.generator.initial_seed() + rank)
        shard.share = (rank, world)
        return shard

    @property
    def generators(self) -> list[torch.Generator]:
        """What the order and the views are drawn from: their states are all that a pass leaves."""
        own = self.view_generator is not self.generator
        return [self.generator, self.view_generator] if own else [self.generator]

    def __len__(self) -> int:
        return math.ceil(len(self.index) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        index = self.index
        if self.balance is not None:
            index = self.balance.draw(len(index), self.generator)
        elif self.shuffle:
            index = index[torch.randperm(len(index), generator=self.generator)]
        rank, world = self.share
        for whole in torch.tensor_split(index, len(self)):
            rows = whole.tensor_split(world)[rank]
            inputs = self.take(rows.repeat(self.views))
            if self.view is not None:
                inputs = self.view(inputs, self.view_generator)
            yield inputs, self.targets[rows]


class _Balance:
    """Rows (M,) by their classes (M,): to draw from each class alike."""

    def __init__(self, rows: Tensor, classes: Tensor) -> None:
        known = ~classes.isnan()
        if not known.any():
            raise BadValueError(f"balanced: none of {len(rows)} samples has a class")
        _, class_of, self.counts = torch.unique(
            classes[known], return_inverse=True, return_counts=True
        )
        self.rows = rows[known][class_of.argsort(stable=True)]
        self.first = self.counts.cumsum(0) - self.counts

    def draw(self, number: int, generator: torch.Generator) -> Tensor:
        """Return so many rows, drawn with replacement."""
        drawn = torch.randint(len(self.counts), (number,), generator=generator)
        # In double precision, a number below 1 times a count stays below the count.
        share = torch.rand(number, dtype=torch.float64, generator=generator)
        return self.rows[self.first[drawn] + (share * self.counts[drawn]).long()]
