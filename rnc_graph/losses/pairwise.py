"""Label distances and feature similarities between all pairs of two sets, by name.

Each takes (R, k) and (N, k) and returns (R, N): entry (i, j) compares row i of the first with
row j of the second, "rank" among all rows of the second. A callable of your own keeps the same
contract.

A label may lack targets (NaN). The distance of two labels is then estimated from the n of the t
targets that both have: "l1" is t / n times their sum, "l2" the root of t / n times their sum of
squares, "linf" the largest of them. It is NaN where they have none in common.
"""

import math
from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor

from rnc_graph.losses.checks import real_floats
from rnc_graph.registry import Registry

Pairwise = Callable[[Tensor, Tensor], Tensor]

LABEL_DISTANCES: Registry[Tensor] = Registry("label distance")
FEATURE_SIMILARITIES: Registry[Tensor] = Registry("feature similarity")

# Targets whose differences are in memory at a time.
_TARGETS = 16
# Pairs whose difference is gathered at a time, as (pairs, d): bounds the memory of near pairs.
_NEAR_PAIRS = 1 << 16


def wide_dtype(device: torch.device) -> torch.dtype:
    """Return the most precise float type of ``device``: float64 where it has one."""
    return torch.float32 if device.type == "mps" else torch.float64


def unit(x: Tensor) -> Tensor:
    """Scale the last dimension to length 1, in float32 or better; a zero vector stays zero."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    scaled: Tensor = x / norm.masked_fill(norm == 0, 1)
    return scaled


def units(*embeddings: Tensor) -> list[Tensor]:
    """Normalize each tensor, all in the widest of their dtypes."""
    dtype = reduce(torch.promote_types, (x.dtype for x in embeddings))
    return [unit(x.to(dtype)) for x in embeddings]


def _comparable(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return labels as floats: differences of integers and booleans wrap around or fail."""
    a, b = (real_floats("labels", x, wide_dtype(x.device)) for x in (a, b))
    return a, b


def _any_missing(a: Tensor, b: Tensor) -> bool:
    return bool(a.isnan().any() or b.isnan().any())


def _whole_to_common(a: Tensor, b: Tensor) -> Tensor:
    """Return t / n (R, N) for labels (R, t) and (N, t) with n targets in common; infinite for 0."""
    dtype = torch.promote_types(a.dtype, torch.float32)
    known_a, known_b = (x.isnan().logical_not_().to(dtype) for x in (a, b))
    return a.shape[1] / (known_a @ known_b.T)


def _sum_over_targets(a: Tensor, b: Tensor, term_: Callable[[Tensor], Tensor]) -> Tensor:
    """Sum ``term_`` of the differences of (R, t) and (N, t) over t: (R, N), 0 where one is missing.

    Differences are rounded as the labels' own dtype rounds them, and added in an order that depends
    on t alone: what ties on one device, and in one block, ties in all.
    """
    dtype = torch.promote_types(a.dtype, torch.float32)
    total = torch.zeros(len(a), len(b), dtype=dtype, device=a.device)
    for some_a, some_b in zip(torch.split(a.T, _TARGETS), torch.split(b.T, _TARGETS), strict=True):
        terms = term_((some_a[:, :, None] - some_b[:, None]).to(dtype))
        terms.nan_to_num_(0, math.inf, -math.inf)
        while len(terms) > 1:
            pairs = len(terms) // 2
            terms[: 2 * pairs : 2] += terms[1 : 2 * pairs : 2]
            terms = terms[::2]
        total += terms.sum(0)
    return total


@LABEL_DISTANCES.register("l1")
def l1_distance(a: Tensor, b: Tensor) -> Tensor:
    """Sum of absolute differences: labels (R, t) and (N, t) -> (R, N)."""
    a, b = _comparable(a, b)
    distance = _sum_over_targets(a, b, Tensor.abs_)
    if _any_missing(a, b):
        # Without a common target 0 times infinity: NaN.
        distance *= _whole_to_common(a, b)
    return distance.to(a.dtype)


@LABEL_DISTANCES.register("l2")
def l2_distance(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance: labels (R, t) and (N, t) -> (R, N)."""
    if a.shape[1] == 1:  # A square could overflow, or vanish.
        return l1_distance(a, b)
    a, b = _comparable(a, b)
    # The root of a wider float: some processors round that of the labels' own dtype otherwise.
    distance = _sum_over_targets(a, b, Tensor.square_).to(wide_dtype(a.device)).sqrt_()
    if _any_missing(a, b):
        distance *= _whole_to_common(a, b).sqrt_()
    return distance.to(a.dtype)


@LABEL_DISTANCES.register("linf")
def linf_distance(a: Tensor, b: Tensor) -> Tensor:
    """Largest absolute difference: labels (R, t) and (N, t) -> (R, N)."""
    a, b = _comparable(a, b)
    difference = (a[:, None] - b[None]).abs_()
    if _any_missing(a, b):
        largest = difference.nan_to_num(nan=-1).amax(-1)
        return largest.masked_fill(largest < 0, torch.nan)
    return difference.amax(-1)


@LABEL_DISTANCES.register("rank")
def rank_distance(a: Tensor, b: Tensor) -> Tensor:
    """Distance of ranks among the second: labels (R, t) and (N, t) -> (R, N).

    Targets of different spread and skew count alike; see :func:`distance_of_ranks`.
    """
    return distance_of_ranks(ranks(a, b), ranks(b, b))


def ranks(labels: Tensor, among: Tensor) -> Tensor:
    """Return the ranks (R, t), from 0 to n, of labels (R, t) among the n known ones of (N, t).

    Equal labels share the mean of their ranks. NaN stays NaN.
    """
    labels, among = _comparable(labels, among)
    columns = []
    for target, others in zip(labels.T.contiguous(), among.T, strict=True):
        known = others[~others.isnan()].sort().values
        below = torch.searchsorted(known, target)
        upto = torch.searchsorted(known, target, right=True)
        rank = (below + upto).to(wide_dtype(labels.device)) / 2
        columns.append(rank.masked_fill_(target.isnan(), torch.nan))
    return torch.stack(columns, 1)


def distance_of_ranks(a: Tensor, b: Tensor) -> Tensor:
    """Sum of absolute differences of ranks: (R, t) and those of all N labels (N, t) -> (R, N).

    Those of a target that n of the N labels have are scaled by N / n, after the difference: equal
    differences of ranks stay equal.
    """
    if not _any_missing(a, b):
        return l1_distance(a, b)
    scales = len(b) / b.isnan().logical_not_().sum(0).clamp_(min=1)
    total = a.new_zeros(len(a), len(b))
    for own, other, scale in zip(a.T, b.T, scales.to(a.dtype), strict=True):
        total += (own[:, None] - other).abs_().mul_(scale).nan_to_num_(0)
    return total.mul_(_whole_to_common(a, b))


@FEATURE_SIMILARITIES.register("l2")
def l2_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Negative Euclidean distance: features (R, d) and (N, d) -> (R, N).

    ``RnCLoss`` runs :func:`~rnc_graph.losses.ranked.euclidean_likelihood` instead, which is faster.
    """
    # By differences: a product cancels for near points far out.
    similarity: Tensor = -torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return similarity


@FEATURE_SIMILARITIES.register("l1")
def l1_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Negative sum of absolute differences: features (R, d) and (N, d) -> (R, N)."""
    similarity: Tensor = -torch.cdist(a, b, p=1.0)
    return similarity


@FEATURE_SIMILARITIES.register("cosine")
def cosine_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle: features (R, d) and (N, d) -> (R, N); 0 with a zero vector."""
    similarity: Tensor = unit(a) @ unit(b).T
    return similarity


def distance_factors(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return (R, d + 2) and (d + 2, N), whose product is |a_i - b_j|^2, for (R, d) and (N, d).

    The first is (|a_i|^2, a_i, 1).
    """
    scale_a, scale_b = a.square().sum(1, keepdim=True), b.square().sum(1, keepdim=True)
    one_a, one_b = torch.ones_like(scale_a), torch.ones_like(scale_b)
    return torch.cat((scale_a, a, one_a), 1), torch.cat((one_b, -2 * b, scale_b), 1).T


def roots_(squared: Tensor, scale: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Overwrite squares from ``distance_factors`` with distances; return the coincident pairs.

    A square cancels where the distance is small against the norms, which are then about equal:
    there the distance is that of ``a`` and ``b``, by their difference. ``scale`` (R, 1) is |a_i|^2.
    """
    near = (squared <= 2.01 * torch.finfo(squared.dtype).eps ** 0.5 * scale).nonzero()
    squared.sqrt_()
    for pairs in near.split(_NEAR_PAIRS):
        rows, columns = pairs.unbind(1)
        squared[rows, columns] = torch.linalg.vector_norm(a[rows] - b[columns], dim=1)
    coincident: Tensor = near[squared[near[:, 0], near[:, 1]] == 0]
    return coincident
