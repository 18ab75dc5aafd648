"""Rank-N-Contrast (Zha, Cao, Son, Yang and Katabi, NeurIPS 2023, arXiv 2210.01189)."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, PretrainLoss
from rnc_graph.losses.blockwise import blocks, blockwise
from rnc_graph.losses.checks import check_finite, check_missing, check_positive
from rnc_graph.losses.pairwise import FEATURE_SIMILARITIES, LABEL_DISTANCES, Pairwise, wide_dtype

# Entries of one block of anchors x candidates: bounds the memory whatever the batch.
BLOCK_ENTRIES = 1 << 20


@LOSSES.register("rnc")
class RnCLoss(PretrainLoss):
    r"""Rank-N-Contrast: for each pair, the nearer in label is to be the nearer in feature space.

    With f the N = B * V embeddings, s_ij = -||f_i - f_j||_2 / temperature, d_ij = ||y_i - y_j||_1
    and S_ij = {k != i : d_ik >= d_ij} (j is in it, ties are), Eq. 2 of the paper averaged over all
    anchors i and all j != i::

        L = -1 / (N (N - 1)) * sum_i sum_{j != i} [ s_ij - log sum_{k in S_ij} exp(s_ik) ]

    Labels may lack targets (NaN). Two samples are comparable if they have a target in common, and
    their distance is estimated from those (see :mod:`rnc_graph.losses.pairwise`). What is not
    comparable with anchor i is no j of it and in no S_ij; the mean is over all comparable pairs
    (i, j). A sample without any label is as good as not there, its views among themselves too.
    Without any comparable pair the loss is 0, and so is its gradient.

    Exact, in O(N^2 log N) time, by blocks of anchors in memory that grows as N. Computed in float64
    inside. A tie is a tie of distances in the labels' own dtype. First derivatives only.

    Args:
        temperature: divides the similarities; positive.
        label_diff: "l1", "l2", "linf", or a callable ((R, t), (B, t)) -> (R, B): the distances of
            R labels to all B, one label a sample. It gets no gradient: only their order counts.
            Where labels lack targets, it may return NaN: not comparable.
        feature_sim: "l2" (negative distance), "l1", "cosine", or a callable ((R, d), (N, d)) ->
            (R, N): the similarities of R embeddings to all N, greater is more alike, each row
            independent of the others. It gets the features in their own dtype, and what it has
            learned receives gradients. Other than an ``nn.Module`` it sees all anchors at once
            (R = N) where gradients are needed.

    Raises:
        BadValueError: ``temperature`` is not positive and finite.
        UnknownNameError: no distance or similarity has this name.

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

        Raises:
            BadValueError: wrong shapes or dtype, fewer than two embeddings, an infinite value, or
                a NaN in the features.
        """
        labels, missing = _check_batch(features, labels)
        # How many pairs are comparable: counted where not all are.
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
            rows = blocks(samples, columns, BLOCK_ENTRIES)
            block_sum = partial(self._block_sum, labels, counted)
            total = blockwise(block_sum, rows, by_view, *parameters)
        else:
            # Only autograd itself finds the tensors that a plain function closes over.
            total = self._block_sum(labels, counted, by_view, slice(0, samples))
        count = samples * views
        pairs = count * (count - 1) if counted is None else max(1, int(counted))
        return (total / pairs).to(features.dtype)

    def _block_sum(
        self, labels: Tensor, counted: Tensor | None, by_view: Tensor, rows: slice
    ) -> Tensor:
        """Sum the terms of all anchors that are views of the samples ``rows``.

        Where labels lack targets, their pairs are added to ``counted``.
        """
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

    def extra_repr(self) -> str:
        """What ``print(loss)`` adds to the class."""
        return f"temperature={self.temperature}"


def _rank(
    distance: Tensor, views: int, start: int, left_out: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sort each anchor's samples from the farthest label to the nearest.

    All V views of a sample tie with each other, so that samples are sorted, not embeddings.

    Args:
        distance: (r, B) label distances of samples start .. start + r - 1 to all.
        views: V.
        start: the first anchor.
        left_out: (r, B), where the distance is NaN; None: nowhere.

    Returns:
        order (r, B), the samples as sorted, and ties (r, B): at the last place of a run of equal
        distances how many candidates the run holds, 0 elsewhere. Neither the anchor nor what is
        left out is a candidate.
    """
    ranked, order = distance.sort(dim=-1, descending=True)
    own = torch.arange(start, start + len(order), device=order.device)[:, None]
    candidates = views - (order == own).long()
    if left_out is not None:
        # As the greatest of all they come first.
        candidates.masked_fill_(left_out.gather(-1, order), 0)
    upto = candidates.cumsum(-1)
    last = torch.ones_like(order, dtype=torch.bool)
    last[:, :-1] = ranked[:, :-1] != ranked[:, 1:]
    upto = upto.masked_fill(~last, 0)
    ties = upto.clone()
    ties[:, 1:] -= upto.cummax(-1).values[:, :-1]
    return order, ties.masked_fill(~last, 0).to(wide_dtype(order.device))


def _fill(block: Tensor, start: int, left_out: Tensor | None, value: float) -> None:
    """Fill the entries of a block (V, r, V, B) that are no candidates: the anchor, the left out."""
    block.diagonal(0, 0, 2).diagonal(start, 0, 1).fill_(value)
    if left_out is not None:
        block.masked_fill_(left_out[:, None], value)


class _RankedLikelihood(torch.autograd.Function):
    """Sum of -log( exp(s_ij) / sum_{k in S_ij} exp(s_ik) ) over a block of anchors i and all j.

    Z_ij, the denominators, are running sums from the farthest label to the nearest, read where a
    run of ties ends. The gradient with respect to s_ik,
    exp(s_ik) * sum_{j : d_ij <= d_ik} 1 / Z_ij - 1, is a running sum the other way.
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
        # With 40 to spare, neither exp(s), nor 1 / Z, nor sums of them leave the exponent's range.
        # In place where it can be: fresh memory costs more here than the arithmetic.
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
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None, None, None, None


def _check_batch(features: Tensor, labels: Tensor) -> tuple[Tensor, bool]:
    """Check what ``forward`` is given; return the labels as (B, t), and whether any is missing."""
    if features.dim() != 3:
        raise BadValueError(f"features must be (B, V, d), got shape {tuple(features.shape)}")
    if not features.is_floating_point():
        raise BadValueError(f"features must be floating point, got {features.dtype}")
    if labels.dim() not in (1, 2):
        raise BadValueError(f"labels must be (B, t) or (B,), got shape {tuple(labels.shape)}")
    labels = labels.detach()[:, None] if labels.dim() == 1 else labels.detach()
    samples, views, size = features.shape
    if len(labels) != samples:
        raise BadValueError(
            f"features and labels must have one row a sample, got {samples} rows of features "
            f"{tuple(features.shape)} and {len(labels)} labels"
        )
    if samples * views < 2:
        raise BadValueError(
            f"the loss compares pairs: B * V must be at least 2, got B = {samples}, V = {views}"
        )
    if size == 0 or labels.shape[1] == 0:
        raise BadValueError(
            f"d and t must be at least 1, got features {tuple(features.shape)} "
            f"and labels {tuple(labels.shape)}"
        )
    check_finite("features", features)
    return labels, check_missing("labels", labels)


def _check_pairs(
    name: str, found: Tensor, shape: tuple[int, int], may_be_missing: bool = False
) -> None:
    """Check what a callable returned."""
    if tuple(found.shape) != shape:
        raise BadValueError(f"{name} must return shape {shape}, got {tuple(found.shape)}")
    if not may_be_missing and found.isnan().any():
        raise BadValueError(f"{name} returned {int(found.isnan().sum())} NaN values")
