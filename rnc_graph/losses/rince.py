"""Ranked InfoNCE (Hoffmann, Behrmann, Gall, Brox and Noroozi, AAAI 2022, arXiv 2201.11736)."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, Loss, QueueLoss, has_target, select, zero_loss
from rnc_graph.losses.blockwise import blocks
from rnc_graph.losses.checks import Shapes, as_columns, check_floating, check_positive, eager
from rnc_graph.losses.pairwise import units
from rnc_graph.losses.products import LOG2_E, aligned_rows, sum_over_products
from rnc_graph.losses.ranks import ClassRanks, LabelRanks, hierarchy_similarity

VARIANTS = ("in", "out", "out-in")
# Ratios of 1e-7 or less are left out, as published: odds of N / P against them.
MOST_ODDS = 1e7 - 1
# Above all similarities: marks an entry that is left out.
LEFT_OUT = 2.0
# Entries of a block whose levels are computed while it is in the cache.
LEVEL_ENTRIES = 1 << 17


class Level(NamedTuple):
    """A level of similarity, and the number of ratios in its mean."""

    similarity: float
    tau: float
    out: bool
    size: int


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
            levels: all similarities in [0, 1] that labels can have, so that the mean is over the
                same R in every batch; rounded to the dtype of ``similarity``. By default those of
                this batch.

        Raises :class:`BadValueError` for wrong shapes or dtypes, embeddings not finite, and a
        similarity that is above 1, infinite, or from 0 up and not in ``levels``.
        """
        if not all(0 <= level <= 1 for level in levels):
            raise BadValueError(f"levels must be in [0, 1], got {list(levels)}")
        similarity = _checked(anchor, positive, bank, similarity)
        anchor, positive, bank = units(anchor, positive, bank)
        own = (anchor * positive).sum(1)
        levels, sizes = _levels(similarity, levels)
        taus = [self.tau_min + (1 - level) * (self.tau_max - self.tau_min) for level in levels]
        outs = [self.variant == "out" or (self.variant == "out-in" and x == 1) for x in levels]
        pairs = zip(sizes, outs, strict=True)
        counts = [int((size if out else size > 0).sum()) for size, out in pairs]
        # The gradient is computed with the value, and needs the number of ratios in each mean:
        # usually all. If some are left out, once more.
        while True:
            ranks = list(map(Level, levels, taus, outs, counts))
            ranked = _Ranked(similarity, ranks)
            total = sum_over_products(ranked, anchor, bank, own)
            found = ranked.kept.tolist()
            if found == counts:
                return total.to(anchor.dtype) / len(ranks)
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

    If they are not known, the first anchors usually have all; the counts show whether they do.
    """
    anchors, entries = similarity.shape
    rows = list(blocks(anchors, entries, similarity.device, LEVEL_ENTRIES))
    # An entry equals a level only as its own dtype rounds it.
    known = torch.tensor(known, dtype=similarity.dtype).tolist()
    levels = sorted({1.0, *known} if known else _descend(similarity[rows[0]]), reverse=True)
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
        found = set[float]().union(*(_descend(similarity[block]) for block in rows))
        if known:
            raise BadValueError(
                f"similarity must be below 0 or one of the levels {levels}, got "
                f"{max(found.difference(levels))}"
            )
        levels = sorted(found, reverse=True)


class _Ranked:
    """The sum of the levels' means, and in ``kept`` the number of ratios in each.

    Called with blocks of cosines (R, K + 1) of anchors with the bank and their own second views.
    Masks are floats: on a CPU several times as fast as booleans.
    """

    def __init__(self, similarity: Tensor, ranks: list[Level]) -> None:
        self.similarity, self.ranks = similarity, ranks
        self.kept = torch.zeros(len(ranks), dtype=torch.long, device=similarity.device)

    def __call__(self, cosines: Tensor, rows: slice) -> Tensor:
        """Return the sum over a block; overwrite the cosines with the gradient."""
        similarity = self.similarity[rows]
        # For each level and anchor, the sum and the number of its terms.
        sums, kept = cosines.new_empty(2, len(self.ranks), len(cosines)).unbind(0)
        parts = list(blocks(len(cosines), cosines.shape[1], cosines.device, LEVEL_ENTRIES))
        # One buffer for all parts: new memory costs more here than the arithmetic.
        memory = aligned_rows(cosines, 5, parts[0].stop, cosines.shape[1])
        for part in parts:
            block = _Block(cosines[part], similarity[part], memory)
            for r, level in enumerate(self.ranks):
                block.select(level.similarity, own=r == 0)
                terms = block.each if level.out else block.together
                divisor = level.tau * max(1, level.size)
                sums[r, part], kept[r, part] = terms(level.tau, divisor)
            cosines[part] = block.pull
        self.kept += kept.long().sum(1)
        counts = [max(1, level.size) for level in self.ranks]
        total: Tensor = (sums.sum(1) / sums.new_tensor(counts)).sum()
        return total


class _Block:
    """Anchors x entries: their cosines, and the gradient ``pull``, summed over the levels.

    ``positives`` is 1 at the selected level's positives, ``below`` at the entries of lower levels.
    ``together`` and ``each`` take tau and the divisor tau x count of the gradient, and return the
    sum and the number of each anchor's terms (R,), (R,).
    """

    def __init__(self, cosines: Tensor, similarity: Tensor, memory: Tensor) -> None:
        self.cosines, self.similarity = cosines, similarity
        memory = memory[:, : len(cosines)]
        self.pull, self.positives, self.below, self.weights, self.scratch = memory
        self.pull.zero_()
        # Powers of 2 from here to 0, and sums of their inverses, are in the exponent's range.
        self.tiny = torch.finfo(cosines.dtype).tiny
        self.lowest = math.log2(self.tiny) + 29

    def select(self, level: float, own: bool) -> None:
        """Set the masks of a level; ``own``: the anchor's own second view is a positive of it."""
        torch.eq(self.similarity, level, out=self.positives[:, :-1])
        torch.lt(self.similarity, level, out=self.below[:, :-1])
        self.positives[:, -1], self.below[:, -1] = own, 0

    def _powers(self, tau: float) -> Tensor:
        """Return exp(cosine / tau) of positives and below, by a factor for each anchor in range."""
        scale = LOG2_E / tau
        if 2 * scale < -self.lowest:
            return torch.mul(self.cosines, scale, out=self.weights).exp2_()
        shown = torch.add(self.positives, self.below, out=self.scratch)
        top = shown.sub_(1).mul_(4).add_(self.cosines).amax(1, keepdim=True)
        torch.sub(self.cosines, top, out=self.weights)
        powers: Tensor = self.weights.mul_(scale).clamp_(self.lowest, 0).exp2_()
        return powers

    def together(self, tau: float, divisor: float) -> tuple[Tensor, Tensor]:
        """-log(P / (P + N)), P the sum of the positives' exponentials: "in"."""
        weights = self._powers(tau)
        of_positives = self.positives.mul_(weights)
        p = of_positives.sum(1)
        n = weights.mul_(self.below).sum(1)
        odds = n / p
        kept = odds < MOST_ODDS
        odds.masked_fill_(~kept, 0)
        share = kept / (p + n).mul_(divisor).clamp_(min=self.tiny)
        self.pull.addcmul_(weights, share[:, None])
        self.pull.addcmul_(of_positives, share.mul_(odds)[:, None], value=-1)
        return odds.log1p_(), kept

    def each(self, tau: float, divisor: float) -> tuple[Tensor, Tensor]:
        """-log(h / (h + N)) of each positive: "out"."""
        weights = self._powers(tau)
        of_below = self.below.mul_(weights)
        n = of_below.sum(1, keepdim=True)
        odds = torch.div(n, weights, out=weights)
        self.positives.mul_(torch.lt(odds, MOST_ODDS, out=self.scratch))
        odds.mul_(self.positives)
        inverse = torch.add(odds, 1, out=self.scratch)
        missing = odds.div_(inverse)
        self.pull.sub_(missing, alpha=1 / divisor)
        share = missing.sum(1, keepdim=True) / (n * divisor).clamp_(min=self.tiny)
        self.pull.addcmul_(of_below, share)
        return _sums_of_logs_(inverse), self.positives.sum(1)


def _sums_of_logs_(values: Tensor) -> Tensor:
    """Return the sums of the logs of rows (R, N) from 1 to 1e7, by those of products of four.

    Logs cost more than all else. Overwrites the values.
    """
    quarter = values.shape[1] // 4
    first, *others, rest = torch.split(values, [*[quarter] * 4, values.shape[1] % 4], 1)
    for other in others:
        first.mul_(other)
    return first.log_().sum(1) + rest.log_().sum(1)


@LOSSES.register("rince")
class RINCE(QueueLoss):
    """:class:`RINCELoss` with ranks of label distance, or of classes.

    Samples within the first threshold count as the anchor's class; each further threshold is a
    weaker rank with a higher temperature; beyond the last all are negatives. Samples without a
    target in common are left out of each other's terms, and those without any target altogether.

    If the target is a class number, ``hierarchy`` or ``similarity`` ranks the classes instead. For
    the other arguments see :class:`RINCELoss` and :class:`LabelRanks`.

    Args:
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
        self.ranks.setup(as_columns(labels))

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (N, d), with labels (N, t), against the queue (K, d)."""
        query, key, labels = select(has_target(labels), query, key, labels)
        if not len(labels):
            return zero_loss(query)
        similarity = self.ranks(labels, queue_labels)
        return self.loss(query, key, queue, similarity, self.ranks.levels)
