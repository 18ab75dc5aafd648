"""The likelihood of Rank-N-Contrast, given a ranking of the candidates of each anchor.

A block is (V, r, V, B): V views of r samples as anchors, V views of all B samples as candidates.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnc_graph.losses.blockwise import blocks
from rnc_graph.losses.checks import eager, first_order
from rnc_graph.losses.pairwise import distance_factors, roots_, wide_dtype

# Entries of one block of distances, whose products are taken at once, and of the parts of it on
# which all else is done: they fit the cache.
DISTANCE_ENTRIES = 1 << 21
PART_ENTRIES = 1 << 17


class Ranking(NamedTuple):
    """The samples of a block of r anchor samples, sorted from the farthest label to the nearest.

    The V views of a sample tie, so samples are sorted, not embeddings.
    """

    # (r, B): the sorted samples.
    order: Tensor
    # (r, B): at the last position of a run of equal distances the number of candidates in the run,
    # 0 elsewhere. The anchor and ``left_out`` are no candidates.
    ties: Tensor
    # (r, B): the samples that are not comparable.
    left_out: Tensor | None
    # The first anchor sample.
    start: int

    def fill(self, block: Tensor, value: float) -> None:
        """Fill the entries of a block that are no candidates."""
        block.diagonal(0, 0, 2).diagonal(self.start, 0, 1).fill_(value)
        if self.left_out is not None:
            block.masked_fill_(self.left_out[:, None], value)


def rank(distance: Tensor, views: int, start: int, left_out: Tensor | None = None) -> Ranking:
    """Rank by label distances (r, B): NaN where ``left_out``."""
    # Stable: a merge sort, fast where distances fall and rise once.
    ranked, order = distance.sort(dim=-1, descending=True, stable=True)
    wide = wide_dtype(order.device)
    own = torch.arange(start, start + len(order), device=order.device)[:, None]
    candidates = torch.eq(order, own).to(wide).neg_().add_(views)
    if left_out is not None:
        # NaN sorts first.
        candidates.masked_fill_(left_out.gather(-1, order), 0)
    last = torch.ones_like(candidates)
    last[:, :-1] = ranked[:, :-1] != ranked[:, 1:]
    ties = candidates.cumsum_(-1).mul_(last)
    before = ties.cummax(-1).values[:, :-1]
    ties[:, 1:] -= before
    ties *= last
    return Ranking(order, ties, left_out, start)


def _likelihood_(logits: Tensor, ranking: Ranking, gradient: bool) -> Tensor:
    """Return the sum of -log( exp(s_ij) / sum_{k in S_ij} exp(s_ik) ) over all i and j of a block.

    Overwrites ``logits``, the s_ij, with the gradient if that is wanted.

    The denominators Z_ij are running sums from the farthest label to the nearest, read where a run
    of ties ends. The gradient with respect to s_ik,
    exp(s_ik) * sum_{j : d_ij <= d_ik} 1 / Z_ij - 1, is a running sum in the other direction.
    """
    order, ties = ranking.order, ranking.ties
    ranking.fill(logits, -math.inf)
    logits -= logits.amax((2, 3), keepdim=True)
    ranking.fill(logits, 0)
    lowest, numerators = logits.amin(), logits.sum()
    ranking.fill(logits, -math.inf)

    tiny = torch.finfo(logits.dtype).tiny
    nearest_first = order.flip(-1).expand(logits.shape[0], *order.shape)
    order = order.expand(logits.shape[0], *order.shape)
    # With a margin of e^40, exp(s), 1 / Z and their sums stay in the exponent's range. In place
    # where possible: new memory costs more here than the arithmetic.
    if lowest > math.log(tiny) + 40:
        weights = logits.exp_()
        # Below tiny without any candidate only, where ties are 0.
        running = weights.sum(2).gather(-1, order).cumsum_(-1).clamp_min_(tiny)
        total = running.log().mul_(ties).sum() - numerators
        if gradient:
            pull = running.reciprocal_().mul_(ties).flip(-1).cumsum_(-1)
            weights.mul_(running.scatter_(-1, nearest_first, pull)[:, :, None])
    else:
        running = logits.logsumexp(2).gather(-1, order).logcumsumexp(-1)
        running.masked_fill_(ties == 0, 0)
        total = (ties * running).sum() - numerators
        if gradient:
            pull = (ties.log() - running).flip(-1).logcumsumexp(-1)
            logits.add_(running.scatter_(-1, nearest_first, pull)[:, :, None]).exp_()
    if gradient:
        ranking.fill(logits.sub_(1), 0)
    return total


def ranked_likelihood(similarity: Tensor, ranking: Ranking, temperature: float) -> Tensor:
    """Return the sum of the block's terms. First derivatives only."""
    total: Tensor = _RankedLikelihood.apply(similarity, ranking, temperature)
    return total


class _RankedLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, similarity: Tensor, ranking: Ranking, temperature: float) -> Tensor:
        logits = similarity / temperature
        total = _likelihood_(logits, ranking, ctx.needs_input_grad[0])
        ctx.temperature = temperature
        ctx.save_for_backward(logits if ctx.needs_input_grad[0] else None)
        return total

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return grad / ctx.temperature * gradient, None, None


@eager
def euclidean_likelihood(
    by_view: Tensor, ranking: Callable[[slice], Ranking], temperature: float
) -> Tensor:
    """Return the sum of all terms for the similarity "l2" of embeddings (V, B, d), in blocks.

    ``ranking`` ranks the candidates of a slice of the samples. The gradient is computed with the
    value. First derivatives only.
    """
    total: Tensor = _EuclideanLikelihood.apply(by_view, ranking, temperature)
    return total


class _EuclideanLikelihood(torch.autograd.Function):
    """As ``ranked_likelihood`` of ``l2_similarity``, with fewer products and less new memory."""

    @staticmethod
    def forward(
        ctx: Any, by_view: Tensor, ranking: Callable[[slice], Ranking], temperature: float
    ) -> Tensor:
        views, samples, size = by_view.shape
        count, wanted = views * samples, ctx.needs_input_grad[0]
        given = by_view.reshape(count, size)
        points = given - given.mean(0)
        left, right = distance_factors(points, points)
        total = left.new_zeros(())
        # Column i is sum_k P_ik (|f_k|^2, f_k, 1), with P_ik the pull between i and k.
        columns = left.T.contiguous()
        sums = torch.zeros_like(columns) if wanted else None

        outer = list(blocks(samples, views * count, given.device, DISTANCE_ENTRIES))
        rows = views * (outer[0].stop if outer else 0)
        distances, pulls = left.new_empty(2, rows, count)
        for block in outer:
            anchors = left.view(views, samples, -1)[:, block].reshape(-1, size + 2)
            distance, pull = distances[: len(anchors)], pulls[: len(anchors)]
            torch.mm(anchors, right, out=distance)
            shape = (views, -1, views, samples)
            # Not near, and without a pull.
            distance.view(shape).diagonal(0, 0, 2).diagonal(block.start, 0, 1).fill_(math.inf)
            coincident = roots_(
                distance, anchors[:, :1], by_view[:, block].reshape(-1, size), given
            )
            torch.mul(distance, -1 / temperature, out=pull)
            for part in blocks(block.stop - block.start, views * count, given.device, PART_ENTRIES):
                ranked = ranking(slice(block.start + part.start, block.start + part.stop))
                total += _likelihood_(pull.view(shape)[:, part], ranked, wanted)
            if sums is None:
                continue
            pull.div_(distance)[coincident.unbind(1)] = 0
            if len(pull) == count:
                sums = columns @ distance.copy_(pull.T).add_(pull)
            else:
                own = sums.view(-1, views, samples)[:, :, block]
                own += (pull @ columns.T).T.view(own.shape)
                sums.addmm_(anchors.T, pull)
        if sums is not None:
            gradient = (sums[1:-1].T - sums[-1, :, None] * points).div_(temperature)
            ctx.save_for_backward(gradient.reshape(by_view.shape))
        return total

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None, None
