"""AttentionNCE: without labels, and with positives of near labels."""

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.losses import AttentionNCELoss
from rnc_graph.losses.pairwise import l1_distance
from rnc_graph.objectives.missing import labeled, nothing
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training import Objective


@OBJECTIVES.register("attention-nce")
class AttentionNCE(Objective):
    """:class:`AttentionNCELoss` on views of a sample alone: the label is not looked at.

    The paper has six views: two anchors and four positives.

    Args:
        temperature: of the loss.
        d_pos: temperature of the attention over positives.
        d_neg: temperature of the attention over negatives.
    """

    min_views = 3

    def __init__(self, temperature: float = 0.1, d_pos: float = 1.0, d_neg: float = 1.0) -> None:
        super().__init__()
        self.loss = AttentionNCELoss(temperature, d_pos, d_neg)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d)."""
        value: Tensor = self.loss(features)
        return value


@OBJECTIVES.register("attention-nce-labels")
class LabelAttentionNCE(Objective):
    """:class:`AttentionNCELoss` whose positives are the samples of near labels.

    Beside views of its own from the third on, an anchor's positives are the first views of the
    ``positives`` samples in the batch whose labels are nearest; these are no negatives of it.
    Samples without a target in common are neither positives nor negatives of each other; one
    without any target is left out.

    Args:
        positives: near samples for each anchor.
        temperature: of the loss.
        d_pos: temperature of the attention over positives.
        d_neg: temperature of the attention over negatives.

    Raises:
        RncGraphError: fewer than 1 positive.
    """

    min_views = 2

    def __init__(
        self,
        positives: int = 4,
        temperature: float = 0.3,
        d_pos: float = 1.0,
        d_neg: float = 1.0,
    ) -> None:
        super().__init__()
        if positives < 1:
            raise BadValueError(f"positives must be at least 1, found {positives}")
        self.positives = positives
        self.loss = AttentionNCELoss(temperature, d_pos, d_neg)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d) with labels (B, t), NaN where missing."""
        some_missing = bool(labels.isnan().any())
        if some_missing:
            known = labeled(labels)
            if known.sum() < 2:
                return nothing(features)
            features, labels = features[known], labels[known]
        distance = l1_distance(labels, labels)
        incomparable = distance.isnan()
        distance = distance.masked_fill(incomparable, torch.inf).fill_diagonal_(torch.inf)
        count = min(self.positives, len(labels) - 1)
        near = distance.topk(count, largest=False).indices
        negatives = (~incomparable).scatter_(1, near, False)
        with_near = torch.cat([features, features[near, 0]], 1)
        positives = None
        if some_missing:
            own = near.new_ones(len(labels), features.shape[1] - 2, dtype=torch.bool)
            positives = torch.cat([own, ~incomparable.gather(1, near)], 1)
        value: Tensor = self.loss(with_near, negatives, positives)
        return value
