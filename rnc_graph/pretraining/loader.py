"""Batches of a corpus of any size, in flat memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.pretraining.shards import SHARD, CorpusStore

# Shards that are in memory at a time: batches are drawn from all of them.
_TOGETHER = 16
CHUNK = _TOGETHER * SHARD
"""Molecules of a chunk, about."""


def chunks_of(store: CorpusStore) -> int:
    """Return how many chunks a pass over a corpus has."""
    return max(1, round(len(store.shards) / _TOGETHER))


class CorpusLoader:
    """Shuffled batches ``(graphs, scores (B, k))`` of a corpus.

    Each pass takes the shards in a new order, some together, and shuffles their molecules. What
    Lightning calls an epoch is one such chunk, so that a stage that is killed in the middle of a
    pass resumes there. All chunks have the same number of batches; the few molecules that do not
    fill a batch are left out of a pass, other ones each time.

    Args:
        store: a complete store.
        batch_size: B.
        seed: of the orders.
        device: where a chunk is moved to.
    """

    def __init__(
        self, store: CorpusStore, batch_size: int, seed: int, device: torch.device
    ) -> None:
        self.store = store
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.chunks = chunks_of(store)
        molecules = sum(store.sizes)
        self.batches = molecules // self.chunks // batch_size
        if self.batches == 0:
            raise BadValueError(
                f"batch_size: expected at most {molecules // self.chunks}, the molecules of a "
                f"chunk of the corpus, got {batch_size}; give --batch-size"
            )
        self.chunk = 0
        self.share = (0, 1)
        # Lightning tells the "sampler" of a loader the number of the epoch that begins.
        self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        """Go to a chunk, counted over all passes."""
        self.chunk = epoch

    def shard(self, rank: int, world: int) -> CorpusLoader:
        """Return the share of process ``rank`` (from 0) of ``world`` in each batch."""
        if self.batch_size < world:
            raise BadValueError(f"batch_size: expected at least {world}, got {self.batch_size}")
        shard = copy.copy(self)
        shard.share = (rank, world)
        shard.sampler = shard
        return shard

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        done, chunk = divmod(self.chunk, self.chunks)
        generator = np.random.default_rng([self.seed, done])
        order = generator.permutation(len(self.store.shards))
        sizes = np.array(self.store.sizes)[order]
        # The chunk's share of all molecules, in the order of the shards.
        ends = sizes.cumsum()
        total = int(ends[-1])
        first, last = (total * (chunk + step) // self.chunks for step in (0, 1))
        begun, ended = np.searchsorted(ends, [first, last - 1], side="right")
        graphs, descriptors = self.store.read(order[begun : ended + 1].tolist())
        offset = first - int(ends[begun] - sizes[begun])
        # Apart from the seeds of the orders of shards.
        seed = int(np.random.SeedSequence([self.seed, self.chunk, SHARD]).generate_state(1)[0])
        rows = torch.randperm(last - first, generator=Generator().manual_seed(seed))
        rows = (rows + offset)[: self.batches * self.batch_size]
        graphs = graphs.to(self.device)
        scores = self.store.ranks.scores(descriptors.to(self.device))
        rank, world = self.share
        for batch in rows.view(self.batches, self.batch_size):
            own = torch.tensor_split(batch, world)[rank]
            yield graphs.batch(own), scores[own.to(self.device)]
