"""The momentum encoder: a slow copy whose embeddings stay comparable over many steps."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.losses.base import check_momentum


class MomentumEncoder(nn.Module):
    """A copy whose weights are a running mean of another module's.

    He et al., CVPR 2020 (arXiv 1911.05722), Eq. 2. It gets no gradients and has its own batch
    statistics.

    Args:
        followed: the module to copy.
        momentum: the share of the copy's weights kept at an update, in [0, 1).

    Raises:
        RncGraphError: a momentum outside [0, 1).
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
