"""Plain regression as a stage 1: what a contrastive objective is to be better than."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training.contrast import Objective
from rnc_graph.training.missing import mean_over_known


@OBJECTIVES.register("regression")
class RegressionObjective(Objective):
    """A linear head under L1, trained with the encoder and then thrown away.

    The rival of the contrastive objectives where an encoder is pretrained on another data set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head: nn.Linear | None = None

    def prepare(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Make the head.

        Args:
            labels: (M, t) standardized targets.
            embedding_dim: d.
            seed: of its first weights.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(embedding_dim, labels.shape[1])

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the mean absolute error of all views.

        Args:
            features: (B, V, d).
            labels: (B, t), NaN where missing.
        """
        assert self.head is not None
        views = features.shape[1]
        predicted = self.head(features.flatten(0, 1))
        return mean_over_known(F.l1_loss, predicted, labels.repeat_interleave(views, 0))
