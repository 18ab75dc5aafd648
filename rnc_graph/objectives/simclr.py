"""SimCLR, which looks at no labels."""

import torch
from torch import Tensor

from rnc_graph.losses import SupConLoss
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training import Objective


@OBJECTIVES.register("simclr")
class SimCLR(Objective):
    """Each sample's views attract each other and repel all others, whatever the labels are.

    The NT-Xent loss of "A Simple Framework for Contrastive Learning of Visual Representations"
    (Chen et al., ICML 2020, arXiv 2002.05709): :class:`SupConLoss` with a class for each sample.

    Args:
        temperature: of the loss.
    """

    min_views = 2

    def __init__(self, temperature: float = 0.5) -> None:
        super().__init__()
        self.loss = SupConLoss(temperature)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d)."""
        value: Tensor = self.loss(features, torch.arange(len(features), device=features.device))
        return value
