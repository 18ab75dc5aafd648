"""GIN with edge features (Xu et al., ICLR 2019, arXiv 1810.00826; Hu et al., arXiv 1905.12265)."""

import torch
from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from rnc_graph.data.schema import Features
from rnc_graph.encoders.base import ENCODERS
from rnc_graph.encoders.edges import Edges
from rnc_graph.encoders.features import embedding
from rnc_graph.encoders.graph import ConvolutionalEncoder


class _Convolution(nn.Module):
    """A two-layer perceptron of (1 + eps) times a node's own vector and the sum of its neighbors'.

    A neighbor's vector and the edge's are added, and pass a ReLU, if edges have features.
    The same map as PyG's ``GINEConv`` (``GINConv`` without edge features), with the same names and,
    from the same seed, the same weights.
    """

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.nn = nn.Sequential(
            nn.Linear(hidden_dim, hidden_dim),
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
        )
        reset(self.nn)  # As PyG does, so that a seed gives the same weights.
        self.eps = nn.Parameter(torch.zeros(1))

    def forward(self, atoms: Tensor, edges: Edges, bonds: Tensor | None) -> Tensor:
        messages = edges.source.take(atoms)
        if bonds is not None:
            messages = messages.add_(bonds).relu_()
        out: Tensor = self.nn(edges.target.add(messages) + (1 + self.eps) * atoms)
        return out


class _GINLayer(nn.Module):
    """A convolution with bond vectors of its own."""

    def __init__(self, hidden_dim: int, edges: Features) -> None:
        super().__init__()
        self.bond_embedding = embedding(edges, hidden_dim) if edges else None
        self.convolution = _Convolution(hidden_dim)

    def forward(self, atoms: Tensor, edges: Edges) -> Tensor:
        """Return the nodes' new vectors (A, d)."""
        bonds = None if self.bond_embedding is None else edges.embedded(self.bond_embedding)
        out: Tensor = self.convolution(atoms, edges, bonds)
        return out


@ENCODERS.register("gin")
class GIN(ConvolutionalEncoder):
    """Graph isomorphism network whose messages carry the features of edges, if there are any."""

    def convolution(self, hidden_dim: int) -> nn.Module:
        """Make one layer."""
        return _GINLayer(hidden_dim, self.schema.edges)
