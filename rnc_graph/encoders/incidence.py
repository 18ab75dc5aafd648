"""Sums over the edges of nodes, and the nodes of graphs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch_geometric.utils import degree, scatter


class Incidence:
    """Which of n rows each of E members belongs to: edges to their sources, nodes to their graphs.

    On a CPU the members are sorted by row once, for the sums of all layers and their gradients,
    which takes a quarter of the time of adding them one after the other. Other devices, and
    compilers, have sums of their own.

    Args:
        index: (E,) the row of each member.
        rows: n.
    """

    def __init__(self, index: Tensor, rows: int) -> None:
        self.index, self.rows = index, rows
        self._sorted = sorts(index)

    @cached_property
    def counts(self) -> Tensor:
        """The (n,) numbers of members."""
        counts: Tensor = degree(self.index, self.rows, torch.long)
        return counts

    @cached_property
    def _order(self) -> tuple[Tensor, Tensor]:
        """The members sorted by row (E,), and where each row's begin (n,)."""
        ends = self.counts.cumsum(0)
        return self.index.argsort(stable=True), ends - self.counts

    def take(self, rows: Tensor) -> Tensor:
        """Return the row of each member, (n, d) -> (E, d)."""
        if self._sorted and rows.requires_grad and torch.is_grad_enabled():
            taken: Tensor = _Take.apply(rows, self.index, *self._order)
            return taken
        return rows.index_select(0, self.index)

    def add(self, members: Tensor) -> Tensor:
        """Return each row's sum over its members, (E, d) -> (n, d)."""
        if self._sorted:
            added: Tensor = _Add.apply(members, self.index, *self._order)
            return added
        return scatter(members, self.index, dim_size=self.rows, reduce="sum")

    def mean(self, members: Tensor) -> Tensor:
        """Return each row's mean over its members, (E, d) -> (n, d); 0 without any."""
        return self.add(members) / self.counts.clamp(min=1)[:, None].to(members.dtype)


def sorts(index: Tensor) -> bool:
    """Whether it pays to sort an index before sums over it."""
    return index.device.type == "cpu" and not torch.compiler.is_compiling()


class _Take(Function):
    """Rows of a matrix, whose gradient is a sum over members."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, *index_and_order: Tensor) -> Tensor:
        ctx.save_for_backward(*index_and_order)
        return rows.index_select(0, index_and_order[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _Add.apply(gradient, *ctx.saved_tensors), None, None, None


class _Add(Function):
    """A sum over members, whose gradient is a look-up of rows."""

    @staticmethod
    def forward(ctx: Any, members: Tensor, *index_and_order: Tensor) -> Tensor:
        ctx.save_for_backward(*index_and_order)
        _, order, starts = index_and_order
        if not len(order):  # Which PyTorch refuses.
            return members.new_zeros(len(starts), members.shape[1])
        return torch.embedding_bag(members.contiguous(), order, starts)[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _Take.apply(gradient, *ctx.saved_tensors), None, None, None
