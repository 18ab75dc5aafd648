"""A queue of labeled keys: what an objective compares beyond its batch."""

from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.losses.base import check_queue_size


class LabeledQueue(nn.Module):
    """The last K keys with their labels, in a ring (He et al., CVPR 2020, arXiv 1911.05722).

    It is empty at first.

    Args:
        size: K.

    Raises:
        RncGraphError: a size below 1.

    >>> queue = LabeledQueue(3)
    >>> for number in range(4):
    ...     queue.push(torch.full((1, 1), float(number)), torch.zeros(1, 1))
    >>> queue.content(embedding_dim=1, targets=1)[0].flatten().tolist()
    [3.0, 1.0, 2.0]
    """

    keys: Tensor
    labels: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        check_queue_size(size)
        self.size = size
        self._next = 0  # where the oldest key is, once the ring is full
        # Of no fixed size, so they are saved as extra state.
        self.register_buffer("keys", torch.zeros(0, 0), persistent=False)
        self.register_buffer("labels", torch.zeros(0, 0), persistent=False)

    def get_extra_state(self) -> dict[str, Any]:
        """Return what it holds."""
        return {"keys": self.keys, "labels": self.labels, "next": self._next}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Hold what another one held."""
        self.keys, self.labels, self._next = state["keys"], state["labels"], state["next"]

    def content(self, embedding_dim: int, targets: int) -> tuple[Tensor, Tensor]:
        """Return keys (k, d) and labels (k, t), k <= K; of none at all, as (0, d) and (0, t)."""
        count = len(self.keys)
        return self.keys.reshape(count, embedding_dim), self.labels.reshape(count, targets)

    @torch.no_grad()
    def push(self, keys: Tensor, labels: Tensor) -> None:
        """Take in B keys (B, d) and their labels (B, t); the oldest make room."""
        kept, kept_labels = self.content(keys.shape[1], labels.shape[1])
        room = self.size - len(kept)
        # Out of place: an objective's backward pass may still need what the queue held.
        kept = torch.cat([kept.to(keys), keys[:room]])
        kept_labels = torch.cat([kept_labels.to(labels), labels[:room]])
        keys, labels = keys[room:], labels[room:]
        begin = max(0, len(keys) - self.size)
        places = torch.arange(self._next + begin, self._next + len(keys), device=keys.device)
        self.keys = kept.index_copy(0, places % self.size, keys[begin:])
        self.labels = kept_labels.index_copy(0, places % self.size, labels[begin:])
        self._next = (self._next + len(keys)) % self.size
