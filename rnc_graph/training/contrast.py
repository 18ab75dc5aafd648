"""The pretraining loss of a batch: projection, momentum encoder and queue, loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.errors import RunError
from rnc_graph.losses import QueueLoss
from rnc_graph.training.distributed import drawing_alike, gathered
from rnc_graph.training.momentum import MomentumEncoder
from rnc_graph.training.queue import LabeledQueue


class Contrast(nn.Module):
    """Computes a pretraining loss from an embedding.

    With a :class:`QueueLoss` every view is a query, and its key is the momentum encoder's embedding
    of the sample's next view (of the view itself where there is one view). All keys then enter the
    queue.

    Args:
        loss: the loss, set up.
        encoder: maps V * B inputs to an embedding (V * B, d).
        projection: between embedding and loss.
    """

    def __init__(
        self, loss: nn.Module, encoder: nn.Module, projection: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.loss = loss
        self.projection = projection or nn.Identity()
        self.momentum: MomentumEncoder | None = None
        self.queue: LabeledQueue | None = None
        if isinstance(loss, QueueLoss):
            self.momentum = MomentumEncoder(self._projected(encoder), loss.momentum)
            self.queue = LabeledQueue(loss.queue_size)

    def forward(self, encoder: nn.Module, inputs: Any, embedding: Tensor, y: Tensor) -> Tensor:
        """Return the loss of one batch.

        Args:
            encoder: the encoder that the momentum encoder follows.
            inputs: the V * B inputs.
            embedding: (V * B, d), the encoder's of ``inputs``.
            y: (B, t) targets, NaN where missing.
        """
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
        """Return the value of the loss: one finite number."""
        with drawing_alike():
            value: Tensor = self.loss(*features_and_labels)
        if value.numel() != 1 or not value.isfinite():
            got = f"shape {tuple(value.shape)}" if value.numel() != 1 else value.item()
            raise RunError(
                f"loss {type(self.loss).__name__}: expected one finite number, got {got}"
            )
        return value.reshape(())

    def _projected(self, encoder: nn.Module) -> nn.Module:
        return nn.Sequential(encoder, self.projection)


def by_sample(features: Tensor, size: int) -> Tensor:
    """Reshape features (V * B, d), view after view, to (B, V, d), for B = ``size``."""
    return features.view(-1, size, features.shape[-1]).transpose(0, 1)
