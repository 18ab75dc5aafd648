"""Sums of functions of the products of anchors and candidates, with closed-form gradients.

No matrix of anchors x candidates is kept: a block's gradient is computed with its value, over the
same memory. Exponentials have the base 2, whose power is the fastest on a CPU.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnc_graph.losses.blockwise import blocks
from rnc_graph.losses.checks import eager, first_order
from rnc_graph.losses.pairwise import wide_dtype

# Entries of a block of products: a matrix product is slow on few rows, and on rows that do not
# start at a multiple of ``ALIGNMENT`` numbers.
PRODUCT_ENTRIES = 1 << 20
ALIGNMENT = 16
LOG2_E = 1 / math.log(2)


@eager
def sum_over_products(
    block_sum_: Callable[[Tensor, slice], Tensor],
    anchors: Tensor,
    candidates: Tensor,
    own: Tensor | None = None,
) -> Tensor:
    """Return the sum of ``block_sum_(products, rows)`` over blocks of the anchors, in float64.

    ``products`` (R, N) are those of the anchors ``rows`` (A, d) with all candidates (N, d). If
    ``own`` (A,) is given, a value of each anchor, it is column N. ``block_sum_`` returns a scalar,
    and overwrites the products, and that column, with its gradient. First derivatives only.
    """
    total: Tensor = _SumOverProducts.apply(block_sum_, anchors, candidates, own)
    return total


class _SumOverProducts(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        block_sum_: Callable[[Tensor, slice], Tensor],
        anchors: Tensor,
        candidates: Tensor,
        own: Tensor | None,
    ) -> Tensor:
        count = len(candidates)
        columns = count if own is None else count + 1
        inputs = anchors, candidates, own
        wanted = zip(inputs, ctx.needs_input_grad[1:], strict=True)
        to_anchors, to_candidates, to_own = (
            torch.zeros_like(x) if x is not None and want else None for x, want in wanted
        )
        total = torch.zeros((), dtype=wide_dtype(anchors.device), device=anchors.device)
        rows = list(blocks(len(anchors), columns, anchors.device, PRODUCT_ENTRIES))
        memory = aligned_rows(anchors, rows[0].stop, columns)
        for block in rows:
            entries = memory[: block.stop - block.start]
            products = entries[:, :count]
            torch.mm(anchors[block], candidates.T, out=products)
            if own is not None:
                entries[:, count] = own[block]
            total += block_sum_(entries, block)
            if to_anchors is not None:
                torch.mm(products, candidates, out=to_anchors[block])
            if to_candidates is not None:
                to_candidates.addmm_(products.T, anchors[block])
            if to_own is not None:
                to_own[block] = entries[:, count]
        ctx.save_for_backward(to_anchors, to_candidates, to_own)
        return total

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return None, *(None if x is None else grad * x for x in ctx.saved_tensors)


def aligned_rows(like: Tensor, *shape: int) -> Tensor:
    """Return new memory for rows of the last size, each of which starts aligned."""
    *rows, columns = shape
    stride = -(-columns // ALIGNMENT) * ALIGNMENT
    return like.new_empty(*rows, stride)[..., :columns]


def powers_(exponents: Tensor) -> tuple[Tensor, Tensor]:
    """Overwrite exponents (R, N) with 2^(x - top), where top (R, 1) is the largest of a row.

    Returns top and the sum of each row (R, 1).
    """
    top = exponents.amax(1, keepdim=True)
    return top, exponents.sub_(top).exp2_().sum(1, keepdim=True)
