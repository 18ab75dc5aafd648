"""SupCon (Khosla et al., NeurIPS 2020, arXiv 2004.11362), and SimCLR as its special case."""

from functools import partial

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, Loss, PretrainLoss, select, zero_loss
from rnc_graph.losses.checks import Shapes, as_columns, check_positive, eager
from rnc_graph.losses.classes import Bins, make_bins
from rnc_graph.losses.pairwise import unit
from rnc_graph.losses.products import LOG2_E, powers_, sum_over_products


class SupConLoss(Loss):
    r"""SupCon: all views of all samples of one class attract each other, all others repel.

    With z the N = B * V normalized embeddings, s_ij = z_i . z_j / temperature and
    P_i = {j != i : y_j = y_i}, L_out of the paper, the mean over the anchors i with a positive::

        L = mean_i -1/|P_i| sum_{j in P_i} [ s_ij - log sum_{k != i} exp(s_ik) ]

    It is 0 if there is no such anchor. First derivatives only.

    Args:
        temperature: divides the similarities; positive.

    >>> features = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    >>> round(SupConLoss(temperature=1.0)(features, torch.tensor([0, 0, 1])).item(), 4)
    0.3133
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        check_positive("temperature", temperature)
        self.temperature = temperature

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of V >= 1 views of B samples and their classes: (B, V, d), (B,) -> ().

        Raises :class:`BadValueError` for wrong shapes or dtypes, and embeddings not finite.
        """
        _check(features, labels)
        views = features.shape[1]
        z = unit(features)
        same = (labels[:, None] == labels).to(z.dtype)
        positives = (same.sum(1) * views - 1).repeat_interleave(views)
        counted = (positives > 0).to(z.dtype)
        # The similarities of the positives sum to that of their sum, less the anchor's own.
        towards = (same @ z.sum(1))[:, None] - z
        attracted = (z * towards).sum(-1).flatten() / (positives.clamp(min=1) * self.temperature)

        points = z.flatten(0, 1)
        repelled = sum_over_products(
            partial(_repelled_, counted), points * (LOG2_E / self.temperature), points
        )
        return (repelled.to(z.dtype) - attracted @ counted) / counted.sum().clamp(min=1)


def _repelled_(counted: Tensor, exponents: Tensor, rows: slice) -> Tensor:
    """Sum the log denominators of the anchors that are counted."""
    # Not -inf: an anchor that is alone has nothing else to sum over.
    exponents.diagonal(rows.start).fill_(torch.finfo(exponents.dtype).min)
    top, total = powers_(exponents)
    share = counted[rows, None] / LOG2_E
    exponents.mul_(share / total)
    return (share * (top + total.log2())).sum()


@eager
def _check(features: Tensor, labels: Tensor) -> None:
    shapes = Shapes()
    shapes.embeddings("features", features, "B", "V", "d")
    if labels.is_floating_point():
        raise BadValueError(
            f"labels must be integers, got {labels.dtype}; for a continuous target use SupCon"
        )
    shapes.classes("labels", labels, "B")


@LOSSES.register("supcon")
class SupCon(PretrainLoss):
    """:class:`SupConLoss` of a continuous target in quantile bins, or of class numbers.

    Samples of one bin attract each other and repel all others, however near their labels. Samples
    that lack a target are left out.

    Args:
        temperature: of the loss.
        bins: quantile bins of each target, or "classes" if the target is a class number.
    """

    def __init__(self, temperature: float = 0.05, bins: Bins = 10) -> None:
        super().__init__()
        self.loss = SupConLoss(temperature)
        self.bins = make_bins(bins)

    def setup(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Compute the bins of the training labels (M, t)."""
        self.bins.setup(as_columns(labels))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d) with labels (B, t), NaN where missing."""
        classes = self.bins(labels)
        features, classes = select(classes >= 0, features, classes)
        if not len(classes):
            return zero_loss(features)
        return self.loss(features, classes)


@LOSSES.register("simclr")
class SimCLR(PretrainLoss):
    """The views of a sample attract each other and repel all others; the labels are not used.

    NT-Xent (Chen, Kornblith, Norouzi and Hinton, ICML 2020, arXiv 2002.05709): :class:`SupConLoss`
    with a class for each sample. Its ``temperature`` is that of the loss.
    """

    min_views = 2

    def __init__(self, temperature: float = 0.5) -> None:
        super().__init__()
        self.loss = SupConLoss(temperature)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d); labels (B, t) are ignored."""
        return self.loss(features, torch.arange(len(features), device=features.device))
