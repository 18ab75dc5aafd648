"""Sums over the edges at each node, and over the nodes of each graph."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch_geometric.utils import degree, scatter

from rnc_graph.errors import BadValueError


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
        self._sorted = eager_on_cpu(index)
        # No cached properties, which torch.compile does not know.
        self._counts: Tensor | None = None
        self._order: tuple[Tensor, Tensor] | None = None

    @property
    def counts(self) -> Tensor:
        """The (n,) numbers of members."""
        if self._counts is None:
            self._counts = degree(self.index, self.rows, torch.long)
        return self._counts

    @property
    def order(self) -> tuple[Tensor, Tensor]:
        """The members sorted by row (E,), and where those of each row begin (n,)."""
        if self._order is None:
            begins = self.counts.cumsum(0) - self.counts
            self._order = self.index.argsort(stable=True), begins
        return self._order

    def take(self, rows: Tensor) -> Tensor:
        """Return the row of each member, (n, d) -> (E, d)."""
        if self._sorted and rows.requires_grad and torch.is_grad_enabled():
            taken: Tensor = _Take.apply(rows, self.index, *self.order)
            return taken
        return rows.index_select(0, self.index)

    def add(self, members: Tensor) -> Tensor:
        """Return each row's sum over its members, (E, d) -> (n, d).

        Raises :class:`BadValueError` for other than E members.
        """
        if members.shape[0] != self.index.shape[0]:
            raise BadValueError(f"expected {len(self.index)} members, got {len(members)}")
        if self._sorted:
            added: Tensor = _Add.apply(members, self.index, *self.order)
            return added
        return scatter(members, self.index, dim_size=self.rows, reduce="sum")

    def mean(self, members: Tensor) -> Tensor:
        """Return each row's mean over its members, (E, d) -> (n, d), 0 without any; see add."""
        return self.add(members) / self.counts.clamp(min=1)[:, None].to(members.dtype)


def eager_on_cpu(x: Tensor) -> bool:
    """Whether plain operations run on a CPU: not for ``torch.compile``, nor for ``torch.func``."""
    transformed = torch._C._are_functorch_transforms_active()
    return x.device.type == "cpu" and not torch.compiler.is_compiling() and not transformed


class _Take(Function):
    """Rows of a matrix, whose gradient is a sum over members."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, order: Tensor, begins: Tensor) -> Tensor:
        ctx.save_for_backward(index, order, begins)
        return rows.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _Add.apply(gradient, *ctx.saved_tensors), None, None, None


class _Add(Function):
    """A sum over members, whose gradient is a look-up of rows."""

    @staticmethod
    def forward(ctx: Any, members: Tensor, index: Tensor, order: Tensor, begins: Tensor) -> Tensor:
        ctx.save_for_backward(index, order, begins)
        if not len(order):  # Which PyTorch refuses.
            return members.new_zeros(len(begins), members.shape[1])
        return torch.embedding_bag(members, order, begins)[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _Take.apply(gradient, *ctx.saved_tensors), None, None, None
