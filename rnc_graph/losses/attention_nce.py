"""AttentionNCE (openreview.net/forum?id=FfHGAAoSVJ): contrast with attention over the samples."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, Loss, PretrainLoss, has_target, zero_loss
from rnc_graph.losses.checks import Shapes, check_positive, eager
from rnc_graph.losses.pairwise import l1_distance, unit
from rnc_graph.losses.products import LOG2_E, powers_, sum_over_products


class AttentionNCELoss(Loss):
    r"""AttentionNCE: hard negatives and easy positives have the largest weights.

    Views 0 and 1 of each sample are its two anchors a_i, the other P = V - 2 its positives v_p,
    all normalized. With pos_ip = a_i . v_p and neg_ij = a_i . a_j over the n_i anchors j of other
    samples (n_i = 2B - 2)::

        alpha = softmax_p(pos / d_pos), pos_i = sum_p alpha_ip pos_ip
        beta = (softmax_j(neg / d_neg) + 1e-6) n_i
        L = -mean_i log( e^{pos_i/T} / (e^{pos_i/T} + sum_j e^{beta_ij neg_ij / T}) )

    alpha and beta get no gradient. An anchor without negatives contributes 0. Masks leave pairs out
    of both sums; the mean is over the anchors with a positive, 0 without any. First derivatives
    only.

    Args:
        temperature: T; positive.
        d_pos: the temperature of the attention over the positives; positive.
        d_neg: that over the negatives; positive.

    >>> features = torch.eye(2).repeat_interleave(3, 0).reshape(2, 3, 2)
    >>> round(AttentionNCELoss(temperature=1.0)(features).item(), 4)
    0.5514
    """

    def __init__(self, temperature: float = 0.5, d_pos: float = 1.0, d_neg: float = 1.0) -> None:
        super().__init__()
        for name, value in (("temperature", temperature), ("d_pos", d_pos), ("d_neg", d_neg)):
            check_positive(name, value)
        self.temperature, self.d_pos, self.d_neg = temperature, d_pos, d_neg

    def forward(
        self, features: Tensor, negatives: Tensor | None = None, positives: Tensor | None = None
    ) -> Tensor:
        """Return the loss of a batch, a scalar in the features' dtype, float32 at least.

        Args:
            features: (B, V, d) embeddings: V >= 3 views of each of B samples.
            negatives: (B, B) booleans: whether the anchors of sample j are negatives of those of
                sample i; the diagonal is ignored. None: all others are.
            positives: (B, P) booleans: whether view p + 2 is a positive of its sample's anchors.
                None: all are.

        Raises :class:`BadValueError` for wrong shapes or dtypes, and embeddings not finite.
        """
        _check(features, negatives, positives)
        by_view = unit(features).transpose(0, 1)
        samples = features.shape[0]
        left_out = None if negatives is None else (~negatives).fill_diagonal_(True)
        counted = None if positives is None else positives.any(1)
        anchors = by_view[:2].flatten(0, 1)
        total = sum_over_products(
            partial(self._block_sum_, left_out, counted),
            anchors,
            anchors,
            self._attracted(by_view, positives).flatten(),
        )
        count = samples if counted is None else max(1, int(counted.sum()))
        return total.to(by_view.dtype) / (2 * count)

    def _attracted(self, by_view: Tensor, positives: Tensor | None) -> Tensor:
        """Return pos_i / T of both anchors of each sample (2, B)."""
        pos = (by_view[:2, None] * by_view[2:]).sum(-1)
        attention = pos.detach() / self.d_pos
        if positives is not None:
            attention.masked_fill_(~positives.T, torch.finfo(pos.dtype).min / 4)
        return (attention.softmax(1) * pos).sum(1) / self.temperature

    def _block_sum_(
        self, left_out: Tensor | None, counted: Tensor | None, entries: Tensor, rows: slice
    ) -> Tensor:
        """Sum the terms of a block of anchors (R, 2B + 1): their cosines, and pos_i / T."""
        neg, attracted = entries[:, :-1], entries[:, -1:]
        # (R, view, sample): one entry of the mask for each pair of samples.
        by_view = neg.view(len(neg), 2, -1)
        samples = by_view.shape[2]
        anchors = torch.arange(rows.start, rows.stop, device=neg.device) % samples
        # So low that its powers are 0; not -inf, for a row without any negative.
        lowest = -(torch.finfo(neg.dtype).max ** 0.5)
        if left_out is None:
            by_view[torch.arange(len(neg), device=neg.device), :, anchors] = lowest
            count = neg.new_full((len(neg), 1), 2 * (samples - 1))
        else:
            barred = left_out[anchors]
            by_view.masked_fill_(barred[:, None], lowest)
            count = 2 * (samples - barred.sum(1, keepdim=True, dtype=neg.dtype))

        beta = neg * (LOG2_E / self.d_neg)
        _, total = powers_(beta)
        # Like all exponents here, for the base 2.
        scale = count * (LOG2_E / self.temperature)
        beta.mul_(scale / total).add_(1e-6 * scale)
        top, total = powers_(neg.mul_(beta))
        against = (top + total.log2()) / LOG2_E - attracted
        against.masked_fill_(count == 0, -torch.inf)
        share, terms = against.sigmoid(), functional.softplus(against)
        if counted is not None:
            known = counted[anchors, None]
            share, terms = share * known, terms * known
        neg.mul_(beta).mul_(share / (total * LOG2_E))
        attracted.copy_(share).neg_()
        return terms.sum()


@eager
def _check(features: Tensor, negatives: Tensor | None, positives: Tensor | None) -> None:
    shapes = Shapes()
    shapes.embeddings("features", features, "B", "V", "d")
    if features.shape[1] < 3:
        raise BadValueError(
            f"two anchors and a positive take V >= 3 views, got features {tuple(features.shape)}"
        )
    if negatives is not None:
        shapes.mask("negatives", negatives, "B", "B")
    if positives is not None:
        shapes.sizes["P"] = features.shape[1] - 2
        shapes.mask("positives", positives, "B", "P")


@LOSSES.register("attention-nce")
class AttentionNCE(PretrainLoss):
    """:class:`AttentionNCELoss` of the views of each sample; the labels are not used.

    The paper has six views: two anchors and four positives. The options are those of the loss.
    """

    min_views = 3

    def __init__(self, temperature: float = 0.1, d_pos: float = 1.0, d_neg: float = 1.0) -> None:
        super().__init__()
        self.loss = AttentionNCELoss(temperature, d_pos, d_neg)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d); labels (B, t) are ignored."""
        return self.loss(features)


@LOSSES.register("attention-nce-labels")
class LabelAttentionNCE(PretrainLoss):
    """:class:`AttentionNCELoss` with the samples of near labels as positives.

    The positives of an anchor are the first views of the ``positives`` samples in the batch with
    the nearest labels, which are no negatives, and its own views from the third on. Samples
    without a target in common are neither positives nor negatives of each other; a sample without
    any target is left out. ``positives`` is at least 1; the other options are those of the loss.
    """

    min_views = 2

    def __init__(
        self, positives: int = 4, temperature: float = 0.3, d_pos: float = 1.0, d_neg: float = 1.0
    ) -> None:
        super().__init__()
        if positives < 1:
            raise BadValueError(f"positives must be at least 1, got {positives}")
        self.positives = positives
        self.loss = AttentionNCELoss(temperature, d_pos, d_neg)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d) with labels (B, t), NaN where missing."""
        if len(labels) < 2:
            return zero_loss(features)
        some_missing = bool(labels.isnan().any())
        if some_missing:
            known = has_target(labels)
            if known.sum() < 2:
                return zero_loss(features)
            features, labels = features[known], labels[known]
        distance = l1_distance(labels, labels)
        incomparable = distance.isnan()
        distance = distance.masked_fill(incomparable, torch.inf).fill_diagonal_(torch.inf)
        count = min(self.positives, len(labels) - 1)
        # Of equal distances the first in the batch, on any device.
        near = distance.sort(dim=1, stable=True).indices[:, :count]
        negatives = (~incomparable).scatter_(1, near, False)
        # An anchor with fewer comparable samples than positives must not become its own.
        incomparable.fill_diagonal_(True)
        with_near = torch.cat([features, features[near, 0]], 1)
        positives = None
        if some_missing:
            own = near.new_ones(len(labels), features.shape[1] - 2, dtype=torch.bool)
            positives = torch.cat([own, ~incomparable.gather(1, near)], 1)
        return self.loss(with_near, negatives, positives)
