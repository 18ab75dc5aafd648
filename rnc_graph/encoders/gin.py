"""GIN with edge features (Xu et al., ICLR 2019, arXiv 1810.00826; Hu et al., arXiv 1905.12265)."""

from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import GINConv, GINEConv

from rnc_graph.data.schema import Features
from rnc_graph.encoders.base import ENCODERS
from rnc_graph.encoders.features import embedding
from rnc_graph.encoders.graph import ConvolutionalEncoder, edge_features


class _GINLayer(nn.Module):
    """Sum of the neighbors' vectors, each with its edge's, through a two-layer perceptron."""

    def __init__(self, hidden_dim: int, edges: Features) -> None:
        super().__init__()
        self.bond_embedding = embedding(edges, hidden_dim) if edges else None
        perceptron = nn.Sequential(
            nn.Linear(hidden_dim, hidden_dim),
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
        )
        convolution = GINEConv if edges else GINConv
        self.convolution = convolution(perceptron, train_eps=True)

    def forward(self, atoms: Tensor, batch: Batch) -> Tensor:
        """Return the nodes' new vectors (A, d)."""
        edges = () if self.bond_embedding is None else (self.bond_embedding(edge_features(batch)),)
        out: Tensor = self.convolution(atoms, batch.edge_index, *edges)
        return out


@ENCODERS.register("gin")
class GIN(ConvolutionalEncoder):
    """Graph isomorphism network whose messages carry the features of edges, if there are any."""

    def convolution(self, hidden_dim: int) -> nn.Module:
        """Make one layer."""
        return _GINLayer(hidden_dim, self.schema.edges)
