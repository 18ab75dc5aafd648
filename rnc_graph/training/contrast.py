"""The contrastive side of a training step: projection, momentum encoder and queue, objective."""

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
    """What stands between an embedding and the objective's value.

    With a :class:`QueueLoss` every view is a query, and the momentum encoder's embedding of
    the sample's next view is its key (of a single view: of the view itself); all keys then go
    into the queue.

    Args:
        objective: the loss, set up.
        encoder: V * B inputs in, embedding (V * B, d) out.
        projection: between embedding and objective; later stages do without it.
    """

    def __init__(
        self, objective: nn.Module, encoder: nn.Module, projection: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.objective = objective
        self.projection = projection or nn.Identity()
        self.momentum: MomentumEncoder | None = None
        self.queue: LabeledQueue | None = None
        if isinstance(objective, QueueLoss):
            self.momentum = MomentumEncoder(self._projected(encoder), objective.momentum)
            self.queue = LabeledQueue(objective.queue_size)

    def forward(
        self, encoder: nn.Module, inputs: Any, embedding: Tensor, targets: Tensor
    ) -> Tensor:
        """Return the objective of one batch.

        Args:
            encoder: the encoder, for the momentum encoder to follow.
            inputs: the V * B inputs.
            embedding: (V * B, d), the encoder's of ``inputs``.
            targets: (B, t), NaN where missing.
        """
        projected = self.projection(embedding)
        # Small differences of large sums: half precision is for the encoder alone.
        with torch.autocast(embedding.device.type, enabled=False):
            return self._objective(encoder, inputs, projected.to(targets.dtype), targets)

    def _objective(
        self, encoder: nn.Module, inputs: Any, projected: Tensor, targets: Tensor
    ) -> Tensor:
        features, own = gathered(by_sample(projected, len(targets))), len(targets)
        targets = gathered(targets)
        if self.momentum is None or self.queue is None:
            return self._value(features, targets)
        self.momentum.update(self._projected(encoder))
        keys = gathered(by_sample(self.momentum(inputs).to(targets.dtype), own))
        labels = targets.repeat_interleave(keys.shape[1], 0)
        queue, queue_labels = self.queue.content(keys.shape[-1], labels.shape[-1])
        value = self._value(
            features.flatten(0, 1), keys.roll(-1, 1).flatten(0, 1), labels, queue, queue_labels
        )
        self.queue.push(keys.flatten(0, 1), labels)
        return value

    def _value(self, *features_and_labels: Tensor) -> Tensor:
        """Return the objective's value, one finite number."""
        with drawing_alike():
            value: Tensor = self.objective(*features_and_labels)
        if value.numel() != 1 or not value.isfinite():
            found = tuple(value.shape) if value.numel() != 1 else value.item()
            raise RunError(
                f"objective {type(self.objective).__name__}: must return one finite number, "
                f"found {found}"
            )
        return value.reshape(())

    def _projected(self, encoder: nn.Module) -> nn.Module:
        return nn.Sequential(encoder, self.projection)


def by_sample(features: Tensor, size: int) -> Tensor:
    """Turn the (V * B, d) features of view after view into (B, V, d), for B = ``size``."""
    return features.view(-1, size, features.shape[-1]).transpose(0, 1)
