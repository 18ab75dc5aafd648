"""MPNN with an edge network and a GRU (Gilmer et al., ICML 2017, arXiv 1704.01212)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from rnc_graph.data.schema import OGB_MOLECULES, Features
from rnc_graph.encoders.base import ENCODERS
from rnc_graph.encoders.dropout import Dropout
from rnc_graph.encoders.edges import Edges
from rnc_graph.encoders.features import FloatEmbedding, NoFeatures, embedding
from rnc_graph.encoders.graph import GraphEncoder, Readout, embedded_nodes
from rnc_graph.errors import BadValueError


class EdgesByKind(NamedTuple):
    """E edges sorted by kind, with one matrix for all edges of a kind.

    Attributes:
        edges: the sorted edges, without features.
        matrices: (K, d, d) of the kinds; (E, d, d) of the edges without kinds.
        sizes: how many edges each kind has; None without kinds.
    """

    edges: Edges
    matrices: Tensor
    sizes: list[int] | None


class EdgeNetworkConv(nn.Module):
    """Mean over the neighbors' vectors, each times the matrix of its edge.

    The same map as PyG's ``NNConv`` without root weight. Edges with categories are of a few kinds:
    the edge network runs once a kind, and the edges of each kind meet its matrix in one product,
    which is many times as fast as a matrix an edge, as ``NNConv`` and edges with floats need.
    Without edge features there is one kind.
    """

    def __init__(self, hidden_dim: int, edges: Features = OGB_MOLECULES.edges) -> None:
        super().__init__()
        self.bond_embedding = embedding(edges, hidden_dim)
        self.edge_network = nn.Sequential(
            nn.Linear(hidden_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim**2)
        )

    def by_kind(self, edges: Edges) -> EdgesByKind:
        """Return the edges with the matrices that they share."""
        if isinstance(self.bond_embedding, NoFeatures):
            matrices = self._matrices(self.bond_embedding(1))
            return EdgesByKind(edges, matrices, [edges.index.shape[1]])
        if isinstance(self.bond_embedding, FloatEmbedding) or not len(edges.features):
            return EdgesByKind(edges, self._matrices(self.bond_embedding(edges.features)), None)
        kinds = self.bond_embedding.kinds(edges.features)
        order, _ = kinds.members.order
        ordered = Edges(edges.index[:, order], edges.nodes)
        matrices = self._matrices(self.bond_embedding.vectors(kinds.rows))
        return EdgesByKind(ordered, matrices, kinds.members.counts.tolist())

    def _matrices(self, embedded: Tensor) -> Tensor:
        flat: Tensor = self.edge_network(embedded)
        return flat.view(len(flat), embedded.shape[1], embedded.shape[1])

    def forward(self, atoms: Tensor, by_kind: EdgesByKind) -> Tensor:
        """Return the messages to each node, (A, d), from the nodes' vectors (A, d)."""
        edges, matrices, sizes = by_kind
        sources = edges.source.take(atoms)
        if sizes is None:
            messages = torch.bmm(sources.unsqueeze(1), matrices).squeeze(1)
        else:
            pairs = zip(torch.split(sources, sizes), matrices, strict=True)
            messages = torch.cat([vectors @ matrix for vectors, matrix in pairs])
        # Gilmer et al. sum; a mean keeps the scale of the messages whatever a node's degree.
        return edges.target.mean(messages)


@ENCODERS.register("mpnn")
class MPNN(GraphEncoder):
    """One message function, applied ``steps`` times; a GRU updates the nodes' vectors.

    For the other arguments see :class:`GraphEncoder`.

    Args:
        steps: rounds of messages.
        dropout: probability on each round's messages.
    """

    def __init__(
        self,
        hidden_dim: int = 64,
        steps: int = 4,
        dropout: float = 0.0,
        readout: Readout = "both",
        in_channels: int | Sequence[int] = OGB_MOLECULES.nodes,
        edge_dim: int | Sequence[int] | None = OGB_MOLECULES.edges,
        normalize: bool = False,
    ) -> None:
        super().__init__(hidden_dim, readout, in_channels, edge_dim, normalize)
        if steps < 1:
            raise BadValueError(f"steps must be at least 1, not {steps}")
        self.steps = steps
        self.atom_embedding = embedding(self.schema.nodes, hidden_dim)
        self.message = EdgeNetworkConv(hidden_dim, self.schema.edges)
        self.update = nn.GRUCell(hidden_dim, hidden_dim)
        self.dropout = Dropout(dropout)

    def atoms(self, batch: Batch) -> Tensor:
        """Return the (nodes, hidden_dim) vectors after the last round."""
        atoms = embedded_nodes(self.atom_embedding, batch)
        by_kind = self.message.by_kind(Edges.of(batch, len(atoms)))
        for _ in range(self.steps):
            messages = torch.relu(self.message(atoms, by_kind))
            atoms = self.update(self.dropout(messages), atoms)
        return atoms
