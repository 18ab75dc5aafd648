"""GCN (Kipf and Welling, ICLR 2017, arXiv 1609.02907)."""

from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import GCNConv

from rnc_graph.encoders.base import ENCODERS
from rnc_graph.encoders.graph import ConvolutionalEncoder


class _GCNLayer(nn.Module):
    """Degree-normalized mean over a node and its neighbors, without edge features."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.convolution = GCNConv(hidden_dim, hidden_dim)

    def forward(self, atoms: Tensor, batch: Batch) -> Tensor:
        """Return the nodes' new vectors (A, d)."""
        out: Tensor = self.convolution(atoms, batch.edge_index)
        return out


@ENCODERS.register("gcn")
class GCN(ConvolutionalEncoder):
    """Graph convolutional network; it ignores the features of edges (and ``edge_dim``)."""

    sees_edges = False

    def convolution(self, hidden_dim: int) -> nn.Module:
        """Make one layer."""
        return _GCNLayer(hidden_dim)
