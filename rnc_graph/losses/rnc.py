"""Rank-N-Contrast (Zha, Cao, Son, Yang and Katabi, NeurIPS 2023, arXiv 2210.01189)."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, PretrainLoss
from rnc_graph.losses.blockwise import blocks, blockwise
from rnc_graph.losses.checks import Shapes, check_positive, first_order
from rnc_graph.losses.pairwise import FEATURE_SIMILARITIES, LABEL_DISTANCES, Pairwise, wide_dtype

# Entries of one block of anchors x candidates: bounds the memory whatever the batch.
BLOCK_ENTRIES = 1 << 20


@LOSSES.register("rnc")
class RnCLoss(PretrainLoss):
    r"""Rank-N-Contrast: orders the embeddings around each sample by label distance.

    With f the N = B * V embeddings, s_ij = -||f_i - f_j||_2 / temperature, d_ij = ||y_i - y_j||_1
    and S_ij = {k != i : d_ik >= d_ij} (with j and all ties), Eq. 2 of the paper averaged over all
    anchors i and all j != i::

        L = -1 / (N (N - 1)) * sum_i sum_{j != i} [ s_ij - log sum_{k in S_ij} exp(s_ik) ]

    Labels may lack targets (NaN). Two samples are comparable if they have a target in common, and
    their distance is estimated from those (see :mod:`rnc_graph.losses.pairwise`). The mean and
    every S_ij are over the pairs (i, j) that are comparable. A sample without any target is left
    out with all its views. Without any comparable pair the loss and its gradient are 0.

    Exact, in O(N^2 log N) time and O(N) memory, in float64 inside. Distances tie if they are equal
    in the labels' own dtype. First derivatives only.

    Args:
        temperature: divides the similarities; positive.
        label_diff: "l1", "l2", "linf", or a callable ((R, t), (B, t)) -> (R, B): the distances of
            R labels to all B, one label a sample; only their order matters, without gradient. NaN
            is not comparable, and allowed where labels lack targets.
        feature_sim: "l2" (negative distance), "l1", "cosine", or a callable ((R, d), (N, d)) ->
            (R, N): the similarities of R embeddings to all N, each row independent of the others.
            It gets the features in their own dtype; the parameters of an ``nn.Module`` receive
            gradients. With gradients, a plain function gets all anchors at once (R = N).

    >>> features = torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]], [[6.0, 8.0]]])
    >>> round(RnCLoss()(features, torch.tensor([[0.1], [0.2], [0.9]])).item(), 4)
    0.1418
    """

    def __init__(
        self,
        temperature: float = 2.0,
        label_diff: str | Pairwise = "l1",
        feature_sim: str | Pairwise = "l2",
    ) -> None:
        super().__init__()
        check_positive("temperature", temperature)
        self.temperature = temperature
        self.label_diff: Pairwise = (
            label_diff if callable(label_diff) else LABEL_DISTANCES.get(label_diff)
        )
        self.feature_sim: Pairwise = (
            feature_sim if callable(feature_sim) else FEATURE_SIMILARITIES.get(feature_sim)
        )
        self._named_sim = not callable(feature_sim)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar in the features' dtype.

        Args:
            features: (B, V, d) embeddings: V >= 1 views of each of B samples.
            labels: (B, t), or (B,) for one target; floats or integers, NaN where missing.

        Raises :class:`BadValueError` for wrong shapes or dtypes, fewer than two embeddings,
        infinite values, NaN in the features, and integers that float64 does not hold exactly.
        """
        labels, missing = _check_batch(features, labels)
        # The number of comparable pairs, counted if not all are.
        counted = torch.zeros((), dtype=torch.long, device=labels.device) if missing else None
        samples, views, _ = features.shape
        # View-major: the views of one sample are then summed by long, contiguous additions.
        by_view = features.transpose(0, 1)
        if self._named_sim:
            by_view = by_view.to(wide_dtype(features.device))
        modules = (self.feature_sim,) if isinstance(self.feature_sim, nn.Module) else ()
        if self._named_sim or modules or not torch.is_grad_enabled():
            parameters = [parameter for module in modules for parameter in module.parameters()]
            columns = samples * max(views * views, labels.shape[1])
            rows = blocks(samples, columns, features.device, BLOCK_ENTRIES)
            block_sum = partial(self._block_sum, labels, counted)
            total = blockwise(block_sum, rows, by_view, *parameters)
        else:
            # Only autograd finds the tensors that a plain function closes over.
            total = self._block_sum(labels, counted, by_view, slice(0, samples))
        count = samples * views
        pairs = count * (count - 1) if counted is None else max(1, int(counted))
        return (total / pairs).to(features.dtype)

    def _block_sum(
        self, labels: Tensor, counted: Tensor | None, by_view: Tensor, rows: slice
    ) -> Tensor:
        """Sum the terms of all anchors of the samples ``rows``; add their pairs to ``counted``."""
        views, samples, size = by_view.shape
        anchors = by_view[:, rows].reshape(-1, size)
        similarity = self.feature_sim(anchors, by_view.reshape(-1, size))
        _check_pairs("feature_sim", similarity, (len(anchors), views * samples))
        with torch.no_grad():
            block = labels[rows]
            distance = self.label_diff(block, labels)
            _check_pairs("label_diff", distance, (len(block), samples), counted is not None)
            left_out = None if counted is None else distance.isnan()
            order, ties = _rank(distance, views, rows.start, left_out)
            if counted is not None:
                counted += views * ties.long().sum()
        similarity = similarity.to(wide_dtype(by_view.device))
        total: Tensor = _RankedLikelihood.apply(
            similarity.reshape(views, -1, views, samples),
            (order, ties),
            left_out,
            rows.start,
            self.temperature,
        )
        return total


def _rank(
    distance: Tensor, views: int, start: int, left_out: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sort each anchor's samples from the farthest label to the nearest.

    The V views of a sample tie, so samples are sorted, not embeddings. ``distance`` (r, B) is that
    of samples start .. start + r - 1 to all, ``left_out`` (r, B) where it is NaN.

    Returns order (r, B), the sorted samples, and ties (r, B): at the last position of a run of
    equal distances the number of candidates in the run, 0 elsewhere. The anchor and ``left_out``
    are no candidates.
    """
    ranked, order = distance.sort(dim=-1, descending=True)
    own = torch.arange(start, start + len(order), device=order.device)[:, None]
    candidates = views - (order == own).long()
    if left_out is not None:
        # NaN sorts first.
        candidates.masked_fill_(left_out.gather(-1, order), 0)
    upto = candidates.cumsum(-1)
    last = torch.ones_like(order, dtype=torch.bool)
    last[:, :-1] = ranked[:, :-1] != ranked[:, 1:]
    upto = upto.masked_fill(~last, 0)
    ties = upto.clone()
    ties[:, 1:] -= upto.cummax(-1).values[:, :-1]
    return order, ties.masked_fill(~last, 0).to(wide_dtype(order.device))


def _fill(block: Tensor, start: int, left_out: Tensor | None, value: float) -> None:
    """Fill the entries of a block (V, r, V, B) that are no candidates: anchor and ``left_out``."""
    block.diagonal(0, 0, 2).diagonal(start, 0, 1).fill_(value)
    if left_out is not None:
        block.masked_fill_(left_out[:, None], value)


class _RankedLikelihood(torch.autograd.Function):
    """Sum of -log( exp(s_ij) / sum_{k in S_ij} exp(s_ik) ) over a block of anchors i and all j.

    The denominators Z_ij are running sums from the farthest label to the nearest, read where a run
    of ties ends. The gradient with respect to s_ik,
    exp(s_ik) * sum_{j : d_ij <= d_ik} 1 / Z_ij - 1, is a running sum in the other direction.
    """

    @staticmethod
    def forward(
        ctx: Any,
        similarity: Tensor,
        ranking: tuple[Tensor, Tensor],
        left_out: Tensor | None,
        start: int,
        temperature: float,
    ) -> Tensor:
        order, ties = ranking
        logits = similarity / temperature
        _fill(logits, start, left_out, -math.inf)
        logits -= logits.amax((2, 3), keepdim=True)
        _fill(logits, start, left_out, 0)
        lowest, numerators = logits.amin(), logits.sum()
        _fill(logits, start, left_out, -math.inf)

        nearest_first = order.flip(-1).expand(logits.shape[0], *order.shape)
        order = order.expand(logits.shape[0], *order.shape)
        idle = ties == 0
        # With a margin of e^40, exp(s), 1 / Z and their sums stay in the exponent's range. In
        # place where possible: new memory costs more here than the arithmetic.
        if lowest > math.log(torch.finfo(logits.dtype).tiny) + 40:
            weights = logits.exp_()
            running = weights.sum(2).gather(-1, order).cumsum_(-1).masked_fill_(idle, 1)
            total = running.log().mul_(ties).sum() - numerators
            if ctx.needs_input_grad[0]:
                pull = running.reciprocal_().mul_(ties / temperature).flip(-1).cumsum_(-1)
                gradient = weights.mul_(running.scatter_(-1, nearest_first, pull)[:, :, None])
        else:
            running = logits.logsumexp(2).gather(-1, order).logcumsumexp(-1).masked_fill_(idle, 0)
            total = (ties * running).sum() - numerators
            if ctx.needs_input_grad[0]:
                pull = ((ties / temperature).log() - running).flip(-1).logcumsumexp(-1)
                gradient = logits.add_(running.scatter_(-1, nearest_first, pull)[:, :, None]).exp_()
        if ctx.needs_input_grad[0]:
            _fill(gradient.sub_(1 / temperature), start, left_out, 0)
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None, None, None, None


def _check_batch(features: Tensor, labels: Tensor) -> tuple[Tensor, bool]:
    """Check the arguments of ``forward``; return labels as (B, t), and whether any is missing."""
    shapes = Shapes()
    shapes.embeddings("features", features, "B", "V", "d")
    labels = labels.detach()[:, None] if labels.dim() == 1 else labels.detach()
    missing = shapes.targets("labels", labels, "B", "t")
    samples, views, _ = features.shape
    if samples * views < 2:
        raise BadValueError(
            f"the loss compares pairs: B * V must be at least 2, got B = {samples}, V = {views}"
        )
    return labels, missing


def _check_pairs(
    name: str, found: Tensor, shape: tuple[int, int], may_be_missing: bool = False
) -> None:
    """Check what a callable returned."""
    if tuple(found.shape) != shape:
        raise BadValueError(f"{name} must return shape {shape}, got {tuple(found.shape)}")
    if not may_be_missing and found.isnan().any():
        raise BadValueError(f"{name} returned {int(found.isnan().sum())} NaN values")
