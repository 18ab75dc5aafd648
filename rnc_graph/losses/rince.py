"""Ranked InfoNCE (Hoffmann, Behrmann, Gall, Brox and Noroozi, AAAI 2022, arXiv 2201.11736)."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, Loss, QueueLoss, has_target, select, zero_loss
from rnc_graph.losses.blockwise import blocks
from rnc_graph.losses.checks import Shapes, check_floating, check_positive, eager, first_order
from rnc_graph.losses.pairwise import units
from rnc_graph.losses.ranks import ClassRanks, LabelRanks, hierarchy_similarity

VARIANTS = ("in", "out", "out-in")
# Ratios of 1e-7 or less are left out, as published: odds of N / P against them.
MOST_ODDS = 1e7 - 1
# Above all similarities: marks an entry that is left out.
LEFT_OUT = 2.0
# Entries of a block whose levels are computed while it is in the cache.
LEVEL_ENTRIES = 1 << 17
# Entries of a block of a matrix product, which is slow on few rows.
MATRIX_ENTRIES = 1 << 19


class RINCELoss(Loss):
    r"""RINCE: ranks the bank entries by the similarity of their label to the anchor's.

    The levels 1 = sigma_1 > ... > sigma_R >= 0 are the distinct similarities of labels in the
    batch, with 1, that of the anchor q_i to its own second view p_i. Below 0 is unranked. At level
    r, with tau_r = tau_min + (1 - sigma_r) (tau_max - tau_min) and h = exp(cosine with q_i /
    tau_r), P_r are the entries of similarity sigma_r (and p_i for r = 1) and N_r all entries of
    less, ranked or not; an entry whose similarity is NaN is left out of both::

        in:     l_r = mean_i -log [ sum_{p in P_r} h_p / (sum_{p in P_r} h_p + sum_{n in N_r} h_n) ]
        out:    l_r = mean_{i, p in P_r} -log [ h_p / (h_p + sum_{n in N_r} h_n) ]
        out-in: out at r = 1, in at the others
        L = mean_r l_r

    A ratio of 1e-7 or less is left out of its mean; a level with none left contributes 0. Memory
    grows as B + K. First derivatives only.

    Args:
        variant: "in", "out" or "out-in".
        tau_min: the temperature of similarity 1; positive.
        tau_max: the temperature of similarity 0; positive.

    >>> anchor, bank = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> loss = RINCELoss("in", tau_min=1.0, tau_max=1.0)
    >>> round(loss(anchor, anchor, bank, torch.tensor([[0.5, -1.0]])).item(), 4)
    0.5876
    """

    def __init__(self, variant: str = "out-in", tau_min: float = 0.1, tau_max: float = 0.5) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise BadValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
        check_positive("tau_min", tau_min)
        check_positive("tau_max", tau_max)
        self.variant, self.tau_min, self.tau_max = variant, tau_min, tau_max

    @eager
    def forward(
        self,
        anchor: Tensor,
        positive: Tensor,
        bank: Tensor,
        similarity: Tensor,
        levels: Sequence[float] = (),
    ) -> Tensor:
        """Return the loss of a batch, a scalar in the inputs' dtype, float32 at least.

        Args:
            anchor: (B, d) embeddings.
            positive: (B, d) embeddings of the same samples' second views.
            bank: (K, d) embeddings of other samples; K may be 0.
            similarity: (B, K) floats, of each anchor's label to each bank entry's: at most 1; below
                0 the entry is unranked; NaN leaves it out of this anchor's terms. Each distinct
                value is a level: round continuous ones.
            levels: similarities that are levels even if no entry has them, so that the mean is
                over the same R in every batch; each in [0, 1].

        Raises :class:`BadValueError` for wrong shapes or dtypes, embeddings not finite, and a
        similarity above 1 or infinite.
        """
        if not all(0 <= level <= 1 for level in levels):
            raise BadValueError(f"levels must be in [0, 1], got {list(levels)}")
        similarity = _checked(anchor, positive, bank, similarity)
        anchor, positive, bank = units(anchor, positive, bank)
        levels, sizes = _levels(similarity, levels)
        taus = [self.tau_min + (1 - level) * (self.tau_max - self.tau_min) for level in levels]
        outs = [self.variant == "out" or (self.variant == "out-in" and x == 1) for x in levels]
        pairs = zip(sizes, outs, strict=True)
        counts = [int((size if out else size > 0).sum()) for size, out in pairs]
        # The gradient is computed with the value, and needs the number of ratios in each mean:
        # usually all. If some are left out, once more.
        while True:
            ranks = list(zip(levels, taus, outs, counts, strict=True))
            total, kept = _Ranked.apply(anchor, positive, bank, similarity, ranks)
            found = kept.tolist()
            if found == counts:
                return total / len(ranks)  # type: ignore[no-any-return]
            counts = found


def _checked(anchor: Tensor, positive: Tensor, bank: Tensor, similarity: Tensor) -> Tensor:
    """Return the similarity with ``LEFT_OUT`` for NaN."""
    shapes = Shapes()
    shapes.embeddings("anchor", anchor, "B", "d")
    shapes.embeddings("positive", positive, "B", "d")
    shapes.embeddings("bank", bank, "K", "d")
    missing = shapes.targets("similarity", similarity, "B", "K")
    check_floating("similarity", similarity)
    similarity = similarity.detach()
    known = similarity.nan_to_num(nan=0) if missing else similarity
    if known.numel() and known.amax() > 1:
        raise BadValueError(f"similarity must be at most 1, got {float(known.amax())}")
    return similarity.nan_to_num(nan=LEFT_OUT) if missing else similarity


def _descend(similarity: Tensor) -> list[float]:
    """Return the distinct values >= 0, and 1, falling: a masked maximum each."""
    levels = [1.0]
    if similarity.numel():
        below = torch.empty_like(similarity)
        while True:
            torch.ge(similarity, levels[-1], out=below)
            level = float(torch.sub(similarity, below, alpha=4, out=below).amax())
            if level < 0:
                break
            levels.append(level)
    return levels


def _levels(similarity: Tensor, known: Sequence[float]) -> tuple[list[float], list[Tensor]]:
    """Return the levels, and for each the number of positives of every anchor (B,).

    The first anchors usually have all levels; the counts show whether they do.
    """
    anchors, entries = similarity.shape
    rows = list(blocks(anchors, entries, similarity.device, LEVEL_ENTRIES))
    levels = sorted({*known, *_descend(similarity[rows[0]])}, reverse=True)
    while True:
        ranked = torch.zeros(len(levels), anchors, device=similarity.device)
        unranked = left_out = 0
        for block in rows:
            part = similarity[block]
            mask = torch.empty_like(part, dtype=ranked.dtype)
            for r, level in enumerate(levels):
                ranked[r, block] = torch.eq(part, level, out=mask).sum(1)
            unranked += int(torch.lt(part, 0, out=mask).sum(1).long().sum())
            left_out += int(torch.gt(part, 1, out=mask).sum(1).long().sum())
        if int(ranked.long().sum()) + unranked + left_out == similarity.numel():
            ranked[0] += 1
            return levels, list(ranked)
        levels = sorted(
            {*known}.union(*(_descend(similarity[block]) for block in rows)), reverse=True
        )


class _Ranked(torch.autograd.Function):
    """Sum of the levels' means, and the number of ratios in each.

    The gradient is computed with them, for all levels of a block while it is in the cache. Masks
    are floats: on a CPU several times as fast as booleans.
    """

    @staticmethod
    def forward(
        ctx: Any,
        anchor: Tensor,
        positive: Tensor,
        bank: Tensor,
        similarity: Tensor,
        ranks: list[tuple[float, float, bool, int]],
    ) -> tuple[Tensor, Tensor]:
        entries = len(bank)
        want_anchor, want_positive, want_bank, *_ = ctx.needs_input_grad
        pull_anchor = torch.zeros_like(anchor) if want_anchor else None
        pull_positive = torch.zeros_like(positive) if want_positive else None
        pull_bank = torch.zeros_like(bank) if want_bank else None
        # For each level and anchor, the sum and the number of its terms.
        sums, kept = anchor.new_zeros(2, len(ranks), len(anchor)).unbind(0)
        # One buffer for all blocks: new memory costs more here than the arithmetic.
        whole = list(blocks(len(anchor), entries + 1, anchor.device, MATRIX_ENTRIES))
        height = whole[0].stop
        parts = list(blocks(height, entries + 1, anchor.device, LEVEL_ENTRIES))
        all_cosines, all_pull = anchor.new_empty(2, height, entries + 1)
        memory = anchor.new_empty(4, parts[0].stop, entries + 1)
        for rows in whole:
            # The last column is the anchor's own second view.
            height = len(anchor[rows])
            cosines, pull = all_cosines[:height], all_pull[:height].zero_()
            torch.mm(anchor[rows], bank.T, out=cosines[:, :entries])
            torch.sum(anchor[rows] * positive[rows], 1, out=cosines[:, entries])
            for part in parts[: -(-height // parts[0].stop)]:
                block = _Block(cosines[part], pull[part], memory)
                alike = similarity[rows][part]
                torch.le(alike, 1, out=block.alive[:, :entries])
                for r, (level, tau, out, count) in enumerate(ranks):
                    torch.eq(alike, level, out=block.positives[:, :entries])
                    block.positives[:, entries] = r == 0
                    block.alive -= block.positives
                    results = sums[r, rows][part], kept[r, rows][part]
                    (block.each if out else block.together)(tau, tau * max(1, count), *results)
            to_bank, to_own = pull[:, :entries], pull[:, entries:]
            if pull_anchor is not None:
                pull_anchor[rows] = torch.addcmul(to_bank @ bank, to_own, positive[rows])
            if pull_positive is not None:
                pull_positive[rows] = to_own * anchor[rows]
            if pull_bank is not None:
                pull_bank.addmm_(to_bank.T, anchor[rows])
        ctx.save_for_backward(pull_anchor, pull_positive, pull_bank)
        counts = kept.long().sum(1)
        ctx.mark_non_differentiable(counts)
        means = [terms.sum() / max(1, rank[3]) for terms, rank in zip(sums, ranks, strict=True)]
        return torch.stack(means).sum(), counts

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        return *(None if x is None else grad * x for x in ctx.saved_tensors), None, None


class _Block:
    """Anchors x entries: their cosines, and the gradient ``pull``, summed over the levels.

    ``positives`` is 1 at the level's positives, ``alive`` at the entries of lower levels (at first
    1 everywhere; the caller clears what is left out). ``together`` and ``each`` take tau and the
    divisor tau x count of the gradient, and write the sum and the number of each anchor's terms.
    """

    def __init__(self, cosines: Tensor, pull: Tensor, memory: Tensor) -> None:
        self.cosines, self.pull = cosines, pull
        self.alive, self.positives, self.weights, self.scratch = memory[:, : len(cosines)]
        self.alive.fill_(1)
        # Exponents from here to 0 do not underflow, and their inverses do not overflow.
        info = torch.finfo(cosines.dtype)
        self.lowest, self.tiny = math.log(info.tiny) + 7, info.tiny

    def _exponentials(self, tau: float, *masks: Tensor) -> tuple[Tensor, Tensor | float]:
        """Return exp(cosine / tau - top), with a top that keeps the masked entries in range."""
        if 2 / tau < -self.lowest:
            return torch.mul(self.cosines, 1 / tau, out=self.weights).exp_(), 0.0
        shown = sum(masks, -1 * torch.ones_like(self.cosines))
        top = shown.mul_(4).add_(self.cosines).amax(1, keepdim=True)
        torch.sub(self.cosines, top, out=self.weights)
        return self.weights.div_(tau).clamp_(self.lowest, 0).exp_(), top / tau

    def together(self, tau: float, divisor: float, sums: Tensor, kept: Tensor) -> None:
        """-log(P / (P + N)), P the sum of the positives' exponentials: "in"."""
        weights, _ = self._exponentials(tau, self.alive, self.positives)
        of_positives = torch.mul(weights, self.positives, out=self.scratch)
        p = of_positives.sum(1)
        n = weights.mul_(self.alive).sum(1)
        odds = n / p
        kept[:] = odds < MOST_ODDS
        odds.masked_fill_(kept == 0, 0)
        torch.log1p(odds, out=sums)
        share = kept / (p + n).mul_(divisor).clamp_(min=self.tiny)
        self.pull.addcmul_(weights, share[:, None])
        self.pull.addcmul_(of_positives, share.mul_(odds)[:, None], value=-1)

    def each(self, tau: float, divisor: float, sums: Tensor, kept: Tensor) -> None:
        """-log(h / (h + N)) of each positive: "out"."""
        weights, top = self._exponentials(tau, self.alive)
        n = weights.mul_(self.alive).sum(1, keepdim=True)
        # Odds against a positive, N / h; next to none without a negative.
        log_n = torch.where(n > 0, n.log() + top, -1 / tau + self.lowest)
        odds = torch.sub(log_n, self.cosines, alpha=1 / tau, out=self.scratch)
        below = torch.lt(odds, math.log(MOST_ODDS), out=torch.empty_like(odds))
        torch.sum(self.positives.mul_(below), 1, out=kept)
        odds.clamp_(self.lowest, math.log(MOST_ODDS)).exp_().mul_(self.positives)
        inverse = torch.add(odds, 1, out=below)
        missing = odds.div_(inverse)
        torch.sum(inverse.log_(), 1, out=sums)
        self.pull.sub_(missing, alpha=1 / divisor)
        share = missing.sum(1, keepdim=True) / (n * divisor).clamp_(min=self.tiny)
        self.pull.addcmul_(weights, share)


@LOSSES.register("rince")
class RINCE(QueueLoss):
    """:class:`RINCELoss` with ranks of label distance, or of classes.

    Samples within the first threshold count as the anchor's class; each further threshold is a
    weaker rank with a higher temperature; beyond the last all are negatives. Samples without a
    target in common are left out of each other's terms, and those without any target altogether.

    If the target is a class number, ``hierarchy`` or ``similarity`` ranks the classes instead.

    Args:
        variant: see :class:`RINCELoss`.
        tau_min: see :class:`RINCELoss`.
        tau_max: see :class:`RINCELoss`.
        quantiles: see :class:`LabelRanks`.
        thresholds: see :class:`LabelRanks`.
        queue_size: of the queue.
        momentum: of the momentum encoder.
        hierarchy: from the finest to the coarsest level, the group of each class. Rank 1 is the
            same class, rank 2 the same finest group, and so on; classes without a common group are
            negatives. An empty list ranks the same class only.
        similarity: of the classes, C x C, symmetric, 1 on the diagonal, at most 1. Each distinct
            value from 0 up is a rank; below 0 are negatives.
    """

    def __init__(
        self,
        variant: Literal["in", "out", "out-in"] = "out-in",
        tau_min: float = 0.1,
        tau_max: float = 0.2,
        quantiles: Sequence[float] | None = None,
        thresholds: Sequence[float] | None = None,
        queue_size: int = 512,
        momentum: float = 0.99,
        hierarchy: Sequence[Sequence[int]] | None = None,
        similarity: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__(queue_size, momentum)
        self.loss = RINCELoss(variant, tau_min, tau_max)
        self.ranks: LabelRanks | ClassRanks
        if hierarchy is None and similarity is None:
            self.ranks = LabelRanks(quantiles, thresholds)
        elif quantiles is None and thresholds is None and None in (hierarchy, similarity):
            self.ranks = ClassRanks(hierarchy_similarity(hierarchy) if hierarchy else similarity)
        else:
            raise BadValueError(
                "ranks: expected one of quantiles and thresholds (of a continuous target), "
                "hierarchy and similarity (of classes)"
            )

    def setup(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Compute the thresholds of the training labels (M, t), or check their classes."""
        self.ranks.setup(labels)

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (N, d), with labels (N, t), against the queue (K, d)."""
        query, key, labels = select(has_target(labels), query, key, labels)
        if not len(labels):
            return zero_loss(query)
        similarity = self.ranks(labels, queue_labels)
        value: Tensor = self.loss(query, key, queue, similarity, self.ranks.levels)
        return value
