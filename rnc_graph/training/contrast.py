"""The pretraining loss of a batch: projection, momentum encoder and queue, loss."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError, RunError
from rnc_graph.losses import QueueLoss
from rnc_graph.losses.base import check_momentum, check_queue_size
from rnc_graph.training.distributed import drawing_alike, gathered


class MomentumEncoder(nn.Module):
    """A copy whose weights are a running mean of another module's.

    He et al., CVPR 2020 (arXiv 1911.05722), Eq. 2. It gets no gradients and has its own batch
    statistics.

    Args:
        followed: the module to copy.
        momentum: the share of the copy's weights kept at an update, in [0, 1).
    """

    def __init__(self, followed: nn.Module, momentum: float) -> None:
        super().__init__()
        check_momentum(momentum)
        self.momentum = momentum
        self.copy = copy.deepcopy(followed).requires_grad_(False)

    @torch.no_grad()
    def update(self, followed: nn.Module) -> None:
        """Move the copy's weights towards those of ``followed``."""
        for slow, fast in zip(self.copy.parameters(), followed.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum)

    @torch.no_grad()
    def forward(self, inputs: Any) -> Tensor:
        """Return the copy's embedding."""
        embedding: Tensor = self.copy(inputs)
        return embedding


class LabeledQueue(nn.Module):
    """The last K keys with their labels, in a ring that is empty at first (He et al., above).

    >>> queue = LabeledQueue(3)
    >>> for number in range(4):
    ...     queue.push(torch.full((1, 1), float(number)), torch.zeros(1, 1))
    >>> queue.content(embedding_dim=1, n_targets=1)[0].flatten().tolist()
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
        """Return keys, labels and position."""
        return {"keys": self.keys, "labels": self.labels, "next": self._next}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`get_extra_state` returned."""
        self.keys, self.labels, self._next = state["keys"], state["labels"], state["next"]

    def content(self, embedding_dim: int, n_targets: int) -> tuple[Tensor, Tensor]:
        """Return keys (k, d) and labels (k, t), k <= K; of none at all, as (0, d) and (0, t)."""
        count = len(self.keys)
        return self.keys.reshape(count, embedding_dim), self.labels.reshape(count, n_targets)

    @torch.no_grad()
    def push(self, keys: Tensor, labels: Tensor) -> None:
        """Add B keys (B, d) with their labels (B, t), in place of the oldest."""
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


def check_loss(loss: Any) -> None:
    """Raise :class:`BadValueError` unless it is a module that takes embeddings and labels."""
    if isinstance(loss, str | type) or not callable(loss):
        raise BadValueError(f"loss: expected a module, such as RnCLoss(), got {loss!r}")
    name = type(loss).__name__
    if type(loss).__module__ == nn.L1Loss.__module__:  # It would broadcast, and train.
        raise BadValueError(
            "loss: expected one that compares embeddings (B, V, d) by their labels (B, t), such as "
            f"RnCLoss(); {name} compares predictions with targets, as head_loss does"
        )
    if not isinstance(loss, QueueLoss):
        try:
            inspect.signature(getattr(loss, "forward", loss)).bind("features", "labels")
        except TypeError as error:
            raise BadValueError(
                "loss: expected one that is called with embeddings (B, V, d) and labels (B, t); "
                f"{name}: {error}"
            ) from error


class Contrast(nn.Module):
    """Computes a pretraining loss from an embedding.

    With a :class:`QueueLoss` every view is a query, and its key is the momentum encoder's embedding
    of the sample's next view (of the view itself where there is one view). All keys then enter the
    queue.

    Args:
        loss: the loss, set up.
        encoder: maps V * B inputs to an embedding (V * B, d).
        projection: between embedding and loss.

    Raises:
        BadValueError: as :func:`check_loss`.
    """

    def __init__(
        self, loss: nn.Module, encoder: nn.Module, projection: nn.Module | None = None
    ) -> None:
        super().__init__()
        check_loss(loss)
        self.loss = loss
        self.projection = projection or nn.Identity()
        self.momentum: MomentumEncoder | None = None
        self.queue: LabeledQueue | None = None
        if isinstance(loss, QueueLoss):
            self.momentum = MomentumEncoder(self._projected(encoder), loss.momentum)
            self.queue = LabeledQueue(loss.queue_size)

    def forward(self, encoder: nn.Module, inputs: Any, embedding: Tensor, y: Tensor) -> Tensor:
        """Return the loss of a batch: V * B inputs, their embedding (V * B, d), targets (B, t)."""
        projected = self.projection(embedding)
        # Small differences of large sums: half precision is for the encoder alone.
        with torch.autocast(embedding.device.type, enabled=False):
            return self._loss(encoder, inputs, projected.to(y.dtype), y)

    def _loss(self, encoder: nn.Module, inputs: Any, projected: Tensor, y: Tensor) -> Tensor:
        features, size = gathered(by_sample(projected, len(y))), len(y)
        y = gathered(y)
        if self.momentum is None or self.queue is None:
            return self._value(features, y)
        self.momentum.update(self._projected(encoder))
        keys = gathered(by_sample(self.momentum(inputs).to(y.dtype), size))
        labels = y.repeat_interleave(keys.shape[1], 0)
        queue, queue_labels = self.queue.content(keys.shape[-1], labels.shape[-1])
        value = self._value(
            features.flatten(0, 1), keys.roll(-1, 1).flatten(0, 1), labels, queue, queue_labels
        )
        self.queue.push(keys.flatten(0, 1), labels)
        return value

    def _value(self, *features_and_labels: Tensor) -> Tensor:
        with drawing_alike():
            value = self.loss(*features_and_labels)
        name = f"loss {type(self.loss).__name__}"
        if not isinstance(value, Tensor):
            raise RunError(f"{name}: expected a tensor, got {type(value).__name__}")
        if value.numel() != 1 or not value.isfinite():
            got = f"shape {tuple(value.shape)}" if value.numel() != 1 else value.item()
            raise RunError(f"{name}: expected one finite number, got {got}")
        if features_and_labels[0].requires_grad and not value.requires_grad:
            # The probe of stage 1 has a gradient of its own: the encoder would stay as it is.
            raise RunError(f"{name}: expected a value with a gradient, got one that is detached")
        return value.reshape(())

    def _projected(self, encoder: nn.Module) -> nn.Module:
        return nn.Sequential(encoder, self.projection)


def by_sample(features: Tensor, size: int) -> Tensor:
    """Reshape features (V * B, d), view after view, to (B, V, d), for B = ``size``."""
    return features.view(-1, size, features.shape[-1]).transpose(0, 1)
