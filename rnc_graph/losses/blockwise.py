"""Sums over blocks of anchors, so that no matrix of anchors x candidates is kept."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from rnc_graph.losses.checks import eager, first_order
from rnc_graph.losses.pairwise import wide_dtype

# Entries of one block of anchors x candidates: fits the cache, and bounds the memory.
BLOCK_ENTRIES = 1 << 19
# On a GPU, where small blocks leave most of it idle: 64 MiB of float64.
GPU_ENTRIES = 1 << 23


def blocks(
    rows: int, columns: int, device: torch.device, entries: int = BLOCK_ENTRIES
) -> Iterator[slice]:
    """Cut ``rows`` into blocks of at most ``entries`` entries with ``columns`` each.

    ``entries`` is for a CPU; other devices have blocks of ``GPU_ENTRIES``.
    """
    entries = entries if device.type == "cpu" else GPU_ENTRIES
    step = max(1, entries // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


@eager
def blockwise(
    block_sum: Callable[[Tensor, slice], Tensor],
    rows: Iterable[slice],
    points: Tensor,
    *parameters: Tensor,
) -> Tensor:
    """Return the sum of ``block_sum(points, block)`` over the blocks ``rows``, in float64.

    The gradient of a block is computed with its value, so that no block is kept or computed twice.
    First derivatives only. ``parameters`` are further tensors of ``block_sum`` that receive
    gradients.
    """
    total: Tensor = _Blockwise.apply(block_sum, rows, points, *parameters)
    return total


class _Blockwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        block_sum: Callable[[Tensor, slice], Tensor],
        rows: Iterable[slice],
        points: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        wanted = ctx.needs_input_grad[2:]
        wide = wide_dtype(points.device)
        total = torch.zeros((), dtype=wide, device=points.device)
        with torch.set_grad_enabled(any(wanted)):
            points = points.detach().requires_grad_(wanted[0])
            inputs = [x for x, want in zip((points, *parameters), wanted, strict=True) if want]
            sums = [torch.zeros_like(x, dtype=wide) for x in inputs]
            for block in rows:
                part = block_sum(points, block)
                total += part.detach()
                if inputs:
                    found = torch.autograd.grad(
                        part, inputs, allow_unused=True, materialize_grads=True
                    )
                    for kept, gradient in zip(sums, found, strict=True):
                        kept.add_(gradient)
        ctx.wanted = wanted
        ctx.save_for_backward(*sums)
        return total

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        sums = iter(ctx.saved_tensors)
        return None, None, *(grad * next(sums) if want else None for want in ctx.wanted)


@eager
def log_sum_exp_products(anchors: Tensor, candidates: Tensor, temperature: float) -> Tensor:
    """Return log sum_k exp(a_i . c_k / temperature): (B, d) and (N, d) -> (B,).

    The gradient of the anchors is computed with the value. First derivatives only.
    """
    value: Tensor = _LogSumExpProducts.apply(anchors, candidates, temperature)
    return value


class _LogSumExpProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, temperature: float) -> Tensor:
        scaled = anchors / temperature
        value = anchors.new_empty(len(anchors))
        mean = torch.empty_like(anchors) if ctx.needs_input_grad[0] else None
        for rows in blocks(len(anchors), len(candidates), anchors.device):
            logits = scaled[rows] @ candidates.T
            top = logits.amax(1, keepdim=True)
            weights = logits.sub_(top).exp_()
            total = weights.sum(1, keepdim=True)
            value[rows] = (top + total.log()).squeeze(1)
            if mean is not None:
                mean[rows] = weights @ candidates / (total * temperature)
        ctx.save_for_backward(scaled, candidates, value, mean)
        return value

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        scaled, candidates, value, mean = ctx.saved_tensors
        pull = None
        if ctx.needs_input_grad[1]:
            pull = torch.zeros_like(candidates)
            for rows in blocks(len(scaled), len(candidates), scaled.device):
                weights = (scaled[rows] @ candidates.T - value[rows, None]).exp_()
                pull.addmm_(weights.T, scaled[rows] * grad[rows, None])
        return None if mean is None else grad[:, None] * mean, pull, None
