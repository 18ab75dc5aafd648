"""Readouts: from the vectors of nodes to one vector a graph."""

from typing import Literal

import torch
from torch import Tensor
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from rnc_graph.errors import BadValueError

Readout = Literal["sum", "mean", "max", "both"]

READOUTS = ("sum", "mean", "max", "both")


def check_readout(readout: str) -> None:
    """Raise :class:`RncGraphError` for an unknown readout."""
    if readout not in READOUTS:
        raise BadValueError(f"readout: expected one of {', '.join(READOUTS)}, got {readout!r}")


def pool(nodes: Tensor, batch: Tensor, graphs: int, readout: Readout) -> Tensor:
    """Return the (B, d) sum, mean or maximum over the nodes of each graph.

    Args:
        nodes: (N, d) vectors of the nodes of B graphs.
        batch: (N,) the graph of each node.
        graphs: B.
        readout: "both" is the sum and the mean side by side, (B, 2 d).
    """
    pooled: Tensor
    if readout == "both":
        sums, means = (pool(nodes, batch, graphs, one) for one in ("sum", "mean"))
        return torch.cat([sums, means], dim=1)
    if readout == "sum":
        pooled = global_add_pool(nodes, batch, graphs)
    elif readout == "mean":
        pooled = global_mean_pool(nodes, batch, graphs)
    else:
        pooled = global_max_pool(nodes, batch, graphs)
    return pooled
