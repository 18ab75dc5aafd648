"""Targets on the hypersphere for TSC (Li et al., CVPR 2022, arXiv 2111.13998)."""

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.losses.checks import Shapes
from rnc_graph.losses.pairwise import unit

TEMPERATURE = 0.07
STEPS = 100


def hypersphere_targets(classes: int, d: int, seed: int = 0) -> Tensor:
    """Return ``classes`` unit vectors as far apart as possible, (C, d) in float64.

    They minimize ``target_uniformity``: for C <= d + 1 the regular simplex, every product of two
    -1 / (C - 1), rotated at random; else a local minimum by L-BFGS from a random start. The seed is
    that of the rotation or the start.

    >>> targets = hypersphere_targets(5, 8)
    >>> (targets[0] @ targets.T).round(decimals=6).tolist()
    [1.0, -0.25, -0.25, -0.25, -0.25]
    """
    _check_sizes(classes, d)
    generator = torch.Generator().manual_seed(int(seed))
    if classes == 1:
        return unit(_normal(1, d, generator))
    if classes <= d + 1:
        # The corners of the standard simplex less their mean, in a basis of the plane they span.
        corners = torch.eye(classes, dtype=torch.float64)
        spanning = torch.cat((torch.ones_like(corners[:, :1]), corners[:, 1:]), 1)
        basis = torch.linalg.qr(spanning).Q[:, 1:]
        return unit(basis) @ _embedding(classes - 1, d, generator)
    return _spread(_normal(classes, d, generator))


def ordered_prototypes(classes: int, d: int, seed: int = 0) -> Tensor:
    """Return unit vectors (C, d) whose products fall linearly with the distance of classes.

    t_i . t_j = 1 - 2 |i - j| / (C - 1): the thermometer code, C - 1 coordinates +-1 / sqrt(C - 1),
    embedded in d >= C - 1 dimensions at random, by the seed. For ordered classes, such as bins of a
    continuous target.

    >>> targets = ordered_prototypes(5, 8)
    >>> (targets[0] @ targets.T).round(decimals=6).tolist()
    [1.0, 0.5, 0.0, -0.5, -1.0]
    """
    _check_sizes(classes, d)
    generator = torch.Generator().manual_seed(int(seed))
    if classes == 1:
        return unit(_normal(1, d, generator))
    if d < classes - 1:
        raise BadValueError(
            f"{classes} ordered targets take d >= C - 1 = {classes - 1} dimensions, got {d}"
        )
    code = torch.ones(classes, classes - 1, dtype=torch.float64).tril(-1).mul(2).sub(1)
    return unit(code) @ _embedding(classes - 1, d, generator)


def assign_targets(centroids: Tensor, targets: Tensor) -> Tensor:
    """Return the index of each class's target, (C,) long: one to one, of maximal summed cosine.

    Of ``centroids`` (C, d), one a class, with ``targets`` (C, d).
    """
    from scipy.optimize import linear_sum_assignment

    shapes = Shapes()
    shapes.embeddings("centroids", centroids, "C", "d")
    shapes.embeddings("targets", targets, "C", "d")
    cosine = unit(centroids.detach().cpu().double()) @ unit(targets.detach().cpu().double()).T
    _, assigned = linear_sum_assignment(cosine.numpy(), maximize=True)
    return torch.from_numpy(assigned).to(centroids.device)


def target_uniformity(targets: Tensor, temperature: float = TEMPERATURE) -> float:
    """Return mean_i log sum_j exp(t_i . t_j / temperature) of (C, d), normalized: low is better."""
    Shapes().embeddings("targets", targets, "C", "d")
    t = unit(targets.detach().double())
    return float((t @ t.T / temperature).logsumexp(1).mean())


def _check_sizes(classes: int, d: int) -> None:
    if classes < 1 or d < 1:
        raise BadValueError(f"C and d must be at least 1, got C = {classes}, d = {d}")


def _normal(rows: int, d: int, generator: torch.Generator) -> Tensor:
    return torch.randn(rows, d, dtype=torch.float64, generator=generator)


def _embedding(rows: int, d: int, generator: torch.Generator) -> Tensor:
    """Return ``rows`` random orthonormal rows in d dimensions."""
    orthonormal: Tensor = torch.linalg.qr(_normal(d, rows, generator)).Q.T
    return orthonormal


def _spread(start: Tensor) -> Tensor:
    """Minimize the uniformity from ``start``.

    It is 1 / temperature, from each vector and itself, plus a small excess, log(1 + sum of all
    others), which is minimized in units of its initial value: L-BFGS needs the scale.
    """
    points = start.requires_grad_()
    optimizer = torch.optim.LBFGS(
        [points], max_iter=STEPS, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )
    unit_excess = 1.0

    def excess() -> Tensor:
        optimizer.zero_grad()
        t = unit(points)
        others = (t @ t.T - 1).div(TEMPERATURE).fill_diagonal_(-torch.inf).exp().sum(1)
        value = others.log1p().mean() / unit_excess
        torch.autograd.backward(value)
        return value

    unit_excess = excess().item()
    optimizer.step(excess)  # type: ignore[no-untyped-call]
    return unit(points.detach())
