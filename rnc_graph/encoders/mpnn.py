"""MPNN with an edge network and a GRU (Gilmer et al., ICML 2017, arXiv 1704.01212)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.utils import scatter

from rnc_graph.data.schema import OGB_MOLECULES, Features
from rnc_graph.encoders.base import ENCODERS
from rnc_graph.encoders.features import FloatEmbedding, NoFeatures, embedding
from rnc_graph.encoders.graph import GraphEncoder, Readout, edge_features, embedded_nodes
from rnc_graph.errors import BadValueError


class EdgeNetworkConv(nn.Module):
    """Mean over the neighbors' vectors, each times the matrix of its edge.

    The same map as PyG's ``NNConv`` without root weight. Edges with categories are of a few kinds:
    the edge network runs once a kind and the nodes meet each kind's matrix in one product, which is
    ten times as fast as a matrix an edge, as ``NNConv`` and edges with floats need. Without edge
    features there is one kind.
    """

    def __init__(self, hidden_dim: int, edges: Features = OGB_MOLECULES.edges) -> None:
        super().__init__()
        self.bond_embedding = embedding(edges, hidden_dim)
        self.edge_network = nn.Sequential(
            nn.Linear(hidden_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim**2)
        )

    def kinds(self, batch: Batch) -> tuple[Tensor | None, Tensor]:
        """Return each edge's kind (E,) and the kinds' matrices (K, d, d); None for one an edge."""
        if isinstance(self.bond_embedding, NoFeatures):
            kind = batch.edge_index.new_zeros(batch.edge_index.shape[1])
            return kind, self._matrices(self.bond_embedding(1))
        features = edge_features(batch)
        if isinstance(self.bond_embedding, FloatEmbedding):
            return None, self._matrices(self.bond_embedding(features))
        kinds, kind = torch.unique(features, dim=0, return_inverse=True)
        return kind, self._matrices(self.bond_embedding(kinds))

    def _matrices(self, embedded: Tensor) -> Tensor:
        flat: Tensor = self.edge_network(embedded)
        return flat.view(len(flat), embedded.shape[1], embedded.shape[1])

    def forward(
        self, atoms: Tensor, edge_index: Tensor, kind: Tensor | None, matrices: Tensor
    ) -> Tensor:
        """Return the messages to each node, (A, d), from the nodes' vectors (A, d).

        ``kind`` (E,) is each edge's row of ``matrices`` (K, d, d); None for one matrix an edge.
        """
        if kind is None:
            by_edge = torch.bmm(atoms[edge_index[0]].unsqueeze(1), matrices).squeeze(1)
        else:
            by_edge = torch.matmul(atoms, matrices)[kind, edge_index[0]]
        # Gilmer et al. sum; a mean keeps the scale of the messages whatever a node's degree.
        return scatter(by_edge, edge_index[1], dim_size=len(atoms), reduce="mean")


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
        self.dropout = nn.Dropout(dropout)

    def atoms(self, batch: Batch) -> Tensor:
        """Return the (nodes, hidden_dim) vectors after the last round."""
        atoms = embedded_nodes(self.atom_embedding, batch)
        kind, matrices = self.message.kinds(batch)
        for _ in range(self.steps):
            messages = torch.relu(self.message(atoms, batch.edge_index, kind, matrices))
            atoms = self.update(self.dropout(messages), atoms)
        return atoms
