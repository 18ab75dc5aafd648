"""Rank-N-Contrast (Zha, Cao, Son, Yang and Katabi, NeurIPS 2023, arXiv 2210.01189)."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, PretrainLoss
from rnc_graph.losses.blockwise import blocks, blockwise
from rnc_graph.losses.checks import Shapes, as_columns, check_positive, real_floats
from rnc_graph.losses.pairwise import (
    FEATURE_SIMILARITIES,
    LABEL_DISTANCES,
    Pairwise,
    distance_of_ranks,
    rank_distance,
    ranks,
    wide_dtype,
)
from rnc_graph.losses.ranked import Ranking, euclidean_likelihood, rank, ranked_likelihood

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
    in the labels' own dtype. First derivatives only. Fastest with "l2" and one target.

    Args:
        temperature: divides the similarities; positive.
        label_diff: "l1", "l2", "linf", "rank" (l1 of the labels' ranks in the batch), or a callable
            ((R, t), (B, t)) -> (R, B): the distances of R labels to all B, one label a sample; only
            their order matters, without gradient. NaN is not comparable, and allowed where labels
            lack targets.
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
        self._named_diff, self._named_sim = not callable(label_diff), not callable(feature_sim)
        self._euclidean = feature_sim == "l2"

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar in the features' dtype, float32 at least.

        Args:
            features: (B, V, d) embeddings: V >= 1 views of each of B samples.
            labels: (B, t), or (B,) for one target; floats or integers, NaN where missing.

        Raises :class:`BadValueError` for wrong shapes or dtypes, fewer than two embeddings,
        infinite values, NaN in the features, and integers that float64 does not hold exactly.
        """
        labels, missing = _check_batch(features, labels)
        label_diff = self.label_diff
        if label_diff is rank_distance:  # Of the batch, once.
            labels, label_diff = ranks(labels, labels), distance_of_ranks
        # View-major: the views of one sample are then summed by long, contiguous additions.
        by_view = features.transpose(0, 1)
        if self._named_sim:
            by_view = by_view.to(wide_dtype(features.device))
            if self._named_diff and labels.shape[1] == 1:
                labels, by_view = _sorted_by_label(labels, by_view, missing)
                label_diff, missing = _difference, False
        # The number of comparable pairs, counted if not all are.
        counted = torch.zeros((), dtype=torch.long, device=labels.device) if missing else None
        views, samples, _ = by_view.shape
        ranking = partial(self._ranking, label_diff, labels, counted, views)
        modules = (self.feature_sim,) if isinstance(self.feature_sim, nn.Module) else ()
        if self._euclidean:
            total = euclidean_likelihood(by_view, ranking, self.temperature)
        elif self._named_sim or modules or not torch.is_grad_enabled():
            parameters = [parameter for module in modules for parameter in module.parameters()]
            columns = samples * max(views * views, labels.shape[1])
            rows = blocks(samples, columns, features.device, BLOCK_ENTRIES)
            block_sum = partial(self._block_sum, ranking)
            total = blockwise(block_sum, rows, by_view, *parameters)
        else:
            # Only autograd finds the tensors that a plain function closes over.
            total = self._block_sum(ranking, by_view, slice(0, samples))
        count = samples * views
        pairs = count * (count - 1) if counted is None else int(counted)
        return (total / max(1, pairs)).to(torch.promote_types(features.dtype, torch.float32))

    def _block_sum(
        self, ranking: Callable[[slice], Ranking], by_view: Tensor, rows: slice
    ) -> Tensor:
        """Sum the terms of all anchors of the samples ``rows``."""
        views, samples, size = by_view.shape
        anchors = by_view[:, rows].reshape(-1, size)
        similarity = self.feature_sim(anchors, by_view.reshape(-1, size))
        _check_pairs("feature_sim", similarity, (len(anchors), views * samples))
        similarity = similarity.to(wide_dtype(by_view.device)).reshape(views, -1, views, samples)
        return ranked_likelihood(similarity, ranking(rows), self.temperature)

    @torch.no_grad()
    def _ranking(
        self, label_diff: Pairwise, labels: Tensor, counted: Tensor | None, views: int, rows: slice
    ) -> Ranking:
        """Rank all samples for each of the samples ``rows``; add their pairs to ``counted``."""
        block = labels[rows]
        distance = label_diff(block, labels)
        if not self._named_diff:
            _check_pairs("label_diff", distance, (len(block), len(labels)), counted is not None)
        ranking = rank(distance, views, rows.start, None if counted is None else distance.isnan())
        if counted is not None:
            counted += views * ranking.ties.long().sum()
        return ranking


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """Return the distances of labels with one target, (R, 1) and (N, 1) -> (R, N)."""
    return (a - b.T).abs_()


def _sorted_by_label(labels: Tensor, by_view: Tensor, missing: bool) -> tuple[Tensor, Tensor]:
    """Sort samples by their only label (B, 1), and leave out those without it.

    The distances of one sample to the others then fall and rise once, and sort faster.
    """
    labels, order = real_floats("labels", labels, wide_dtype(labels.device)).sort(0)
    # NaN sorts last.
    known = len(labels) - int(labels.isnan().sum()) if missing else len(labels)
    return labels[:known], by_view.index_select(1, order[:known, 0])


def _check_batch(features: Tensor, labels: Tensor) -> tuple[Tensor, bool]:
    """Check the arguments of ``forward``; return labels as (B, t), and whether any is missing."""
    shapes = Shapes()
    shapes.embeddings("features", features, "B", "V", "d")
    labels = as_columns(labels.detach())
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
