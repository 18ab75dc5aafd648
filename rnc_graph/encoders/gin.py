"""GIN with bond features (Xu et al., ICLR 2019, arXiv 1810.00826; Hu et al., arXiv 1905.12265)."""

from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import GINEConv

from rnc_graph.encoders.graph import ConvolutionalEncoder, bond_embedding
from rnc_graph.encoders.registry import ENCODERS


class _GINLayer(nn.Module):
    """Sum of the neighbors' vectors, each with its bond's, through a two-layer perceptron."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.bond_embedding = bond_embedding(hidden_dim)
        perceptron = nn.Sequential(
            nn.Linear(hidden_dim, hidden_dim),
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
        )
        self.convolution = GINEConv(perceptron, train_eps=True)

    def forward(self, atoms: Tensor, batch: Batch) -> Tensor:
        """Return the atoms' new vectors (A, d)."""
        bonds = self.bond_embedding(batch.edge_attr)
        out: Tensor = self.convolution(atoms, batch.edge_index, bonds)
        return out


@ENCODERS.register("gin")
class GIN(ConvolutionalEncoder):
    """Graph isomorphism network whose messages carry the bond's features."""

    def convolution(self, hidden_dim: int) -> nn.Module:
        """Make one layer."""
        return _GINLayer(hidden_dim)
