"""GCN (Kipf and Welling, ICLR 2017, arXiv 1609.02907)."""

import torch
from torch import Tensor, nn
from torch_geometric.nn import Linear
from torch_geometric.nn.inits import reset

from rnc_graph.encoders.base import ENCODERS
from rnc_graph.encoders.edges import Edges
from rnc_graph.encoders.graph import ConvolutionalEncoder


class _Convolution(nn.Module):
    """Degree-normalized sum over a node and its neighbors, without edge features.

    The same map as PyG's ``GCNConv``, with the same names and, from the same seed, the same
    weights.
    """

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.lin = Linear(hidden_dim, hidden_dim, bias=False, weight_initializer="glorot")
        reset(self.lin)  # As PyG does, so that a seed gives the same weights.
        self.bias = nn.Parameter(torch.zeros(hidden_dim))

    def forward(self, atoms: Tensor, edges: Edges) -> Tensor:
        edges = edges.without_loops
        # Every node is its own neighbor once, so that its degree is one more than its edges.
        scale = (edges.target.counts + 1)[:, None].to(atoms.dtype).rsqrt()
        scaled: Tensor = self.lin(atoms) * scale
        sums = edges.target.add(edges.source.take(scaled)) + scaled
        return sums * scale + self.bias


class _GCNLayer(nn.Module):
    """A convolution, under the name that saved encoders have."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.convolution = _Convolution(hidden_dim)

    def forward(self, atoms: Tensor, edges: Edges) -> Tensor:
        """Return the nodes' new vectors (A, d)."""
        out: Tensor = self.convolution(atoms, edges)
        return out


@ENCODERS.register("gcn")
class GCN(ConvolutionalEncoder):
    """Graph convolutional network; it ignores the features of edges (and ``edge_dim``)."""

    sees_edges = False

    def convolution(self, hidden_dim: int) -> nn.Module:
        """Make one layer."""
        return _GCNLayer(hidden_dim)
