"""SimCLR (Chen, Kornblith, Norouzi and Hinton, ICML 2020, arXiv 2002.05709)."""

import torch
from torch import Tensor

from rnc_graph.losses.base import LOSSES, PretrainLoss
from rnc_graph.losses.supcon import SupConLoss


@LOSSES.register("simclr")
class SimCLR(PretrainLoss):
    """The views of a sample attract each other and repel all others; the labels are not used.

    The paper's NT-Xent loss: :class:`SupConLoss` with a class for each sample.

    Args:
        temperature: of the loss.
    """

    min_views = 2

    def __init__(self, temperature: float = 0.5) -> None:
        super().__init__()
        self.loss = SupConLoss(temperature)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d); labels (B, t) are ignored."""
        value: Tensor = self.loss(features, torch.arange(len(features), device=features.device))
        return value
