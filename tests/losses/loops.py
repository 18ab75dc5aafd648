"""The losses written out as plain loops in float64, and what their tests share."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor


def _unit(x: Tensor) -> Tensor:
    rows = []
    for row in x.double().reshape(-1, x.shape[-1]):
        norm = row.square().sum().sqrt() if bool((row != 0).any()) else torch.ones(())
        rows.append(row / norm)
    return torch.stack(rows).view(x.shape) if rows else x.double()


def _log_sum(values: list[Tensor]) -> Tensor:
    return torch.stack(values).logsumexp(0)


def supcon(features: Tensor, labels: Tensor, temperature: float) -> Tensor:
    views = features.shape[1]
    z, y = _unit(features).flatten(0, 1), labels.repeat_interleave(views).tolist()
    terms = []
    for i in range(len(z)):
        positives = [j for j in range(len(z)) if j != i and y[j] == y[i]]
        if positives:
            bottom = _log_sum([z[i] @ z[k] / temperature for k in range(len(z)) if k != i])
            own = [z[i] @ z[j] / temperature - bottom for j in positives]
            terms.append(-torch.stack(own).mean())
    return torch.stack(terms).mean() if terms else 0 * features.double().sum()


def rince(
    anchor: Tensor,
    positive: Tensor,
    bank: Tensor,
    similarity: Tensor,
    variant: str,
    taus: tuple[float, float],
    known: tuple[float, ...] = (),
) -> Tensor:
    q, p, c = _unit(anchor), _unit(positive), _unit(bank)
    found = {x for x in similarity.flatten().tolist() if x >= 0}
    levels = sorted({1.0, *known} | found, reverse=True)
    total = 0 * anchor.double().sum()
    for r, level in enumerate(levels):
        tau = taus[0] + (1 - level) * (taus[1] - taus[0])
        terms = []
        for i in range(len(q)):
            row = similarity[i].tolist()
            tops = [q[i] @ c[j] / tau for j in range(len(c)) if row[j] == level]
            tops += [q[i] @ p[i] / tau] * (r == 0)
            negatives = [q[i] @ c[j] / tau for j in range(len(c)) if row[j] < level]
            if variant == "in" or (variant == "out-in" and r > 0):
                tops = [_log_sum(tops)] if tops else []
            terms += [_log_sum([top, *negatives]) - top for top in tops]
        terms = [term for term in terms if term < -math.log(1e-7)]
        total = total + (torch.stack(terms).mean() if terms else 0)
    return total / len(levels)


def tsc(
    query: Tensor,
    key: Tensor,
    labels: Tensor,
    queue: Tensor,
    queue_labels: Tensor,
    targets: Tensor | None,
    class_to_target: Tensor | None,
    temperature: float,
    weight: float = 1.0,
) -> Tensor:
    """All of the class in the queue are positives, and so is the target."""
    q, k, c = _unit(query), _unit(key), _unit(queue)
    t = [] if targets is None else list(_unit(targets))
    losses = []
    for i in range(len(q)):
        own = q[i] @ k[i] / temperature
        of_queue = [q[i] @ row / temperature for row in c]
        of_targets = [q[i] @ row / temperature for row in t]
        bottom = _log_sum([own, *of_queue, *of_targets])
        same = [s for s, y in zip(of_queue, queue_labels.tolist(), strict=True) if y == labels[i]]
        size = 1 + len(same) + bool(t)
        loss = sum(bottom - s for s in [own, *same]) / size
        if class_to_target is not None:
            target = of_targets[class_to_target[labels[i]]]
            loss = loss + weight * (bottom - target) / size
        losses.append(loss)
    return torch.stack(losses).mean()


def attention_nce(
    features: Tensor, negatives: Tensor | None, temperature: float, d_pos: float, d_neg: float
) -> Tensor:
    z = _unit(features)
    samples, views, _ = z.shape
    terms = []
    for i in range(samples):
        for v in range(2):
            a = z[i, v]
            pos = torch.stack([a @ z[i, p] for p in range(2, views)])
            pos = ((pos / d_pos).softmax(0).detach() * pos).sum()
            others = [
                j for j in range(samples) if j != i and (negatives is None or negatives[i, j])
            ]
            neg = [a @ z[j, w] for j in others for w in range(2)]
            if not neg:
                terms.append(0 * pos)
                continue
            stacked = torch.stack(neg)
            beta = ((stacked / d_neg).softmax(0) + 1e-6).detach() * len(neg)
            bottom = torch.cat((pos[None] / temperature, beta * stacked / temperature))
            terms.append(bottom.logsumexp(0) - pos / temperature)
    return torch.stack(terms).mean()


def agree(
    loss: Callable[..., Tensor],
    loops: Callable[..., Tensor],
    *inputs: Tensor,
    tolerance: float = 1e-9,
    temperature: float = 0.03,
) -> None:
    """Compare values and gradients of all inputs; ``temperature`` is the lowest one."""
    first = [x.detach().clone().requires_grad_() for x in inputs]
    second = [x.detach().double().requires_grad_() for x in inputs]
    value, right = loss(*first), loops(*second)
    wide = torch.promote_types(first[0].dtype, torch.float32)
    assert value.dtype == wide
    assert value.item() == pytest.approx(right.item(), rel=tolerance, abs=tolerance)
    gradients = torch.autograd.grad(value, first, allow_unused=True, materialize_grads=True)
    expected = torch.autograd.grad(right, second, allow_unused=True, materialize_grads=True)
    for x, gradient, other in zip(first, gradients, expected, strict=True):
        assert gradient.isfinite().all()
        if x.numel():
            # A gradient that vanishes is no better known than the cosines are: it and the weights
            # in it are divided by the temperature.
            eps = torch.finfo(x.dtype).eps / temperature**2
            noise = eps / torch.linalg.vector_norm(x, dim=-1).min()
            bound = tolerance * other.abs().max() + noise
            assert (gradient.double() - other).abs().max() <= bound


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed + 7 * sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def with_gradient(
    loss: Callable[..., Tensor], first: Tensor, *others: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the value, and its gradient with respect to the first input."""
    first = first.detach().clone().requires_grad_()
    value = loss(first, *others)
    (gradient,) = torch.autograd.grad(value, first)
    return value.detach(), gradient
