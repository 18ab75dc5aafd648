"""What all graph encoders share: embedded features in, a readout over each graph's atoms out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import global_add_pool, global_mean_pool

from rnc_graph.data.featurizer import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES
from rnc_graph.encoders.base import Encoder
from rnc_graph.errors import BadValueError

Readout = Literal["sum", "mean", "both"]


class FeatureEmbedding(nn.Module):
    """The sum of one learned vector per integer feature, (rows, features) -> (rows, d).

    Each feature has one vector more than values: that of the mask.
    """

    def __init__(self, sizes: Sequence[int], embedding_dim: int) -> None:
        super().__init__()
        self.dim = embedding_dim
        with_mask = torch.tensor([size + 1 for size in sizes])
        # One table for all features, so that a row is a single look-up.
        self.offsets: Tensor
        self.register_buffer("offsets", with_mask.cumsum(0) - with_mask, persistent=False)
        self.table = nn.EmbeddingBag(int(with_mask.sum()), embedding_dim, mode="sum")
        nn.init.xavier_uniform_(self.table.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return the (rows, d) embedded features."""
        if len(features) == 0:  # Methane has no bonds, and an empty bag is an error.
            return self.table.weight.new_zeros(0, self.dim)
        embedded: Tensor = self.table(features + self.offsets)
        return embedded


def atom_embedding(embedding_dim: int) -> FeatureEmbedding:
    """Embed the nine atom features."""
    return FeatureEmbedding(ATOM_FEATURE_SIZES, embedding_dim)


def bond_embedding(embedding_dim: int) -> FeatureEmbedding:
    """Embed the three bond features."""
    return FeatureEmbedding(BOND_FEATURE_SIZES, embedding_dim)


class GraphEncoder(Encoder, ABC):
    """A batch of N graphs in, an (N, ``embedding_dim``) embedding out.

    Args:
        hidden_dim: width of the atoms' vectors.
        readout: "sum" or "mean" over each graph's atoms, or "both", one after the other (then the
            embedding is twice as wide).

    Raises:
        RncGraphError: an unknown readout, or a width below 1.
    """

    inputs: ClassVar[Literal["graphs", "images"]] = "graphs"

    def __init__(self, hidden_dim: int, readout: Readout) -> None:
        super().__init__()
        if readout not in ("sum", "mean", "both"):
            raise BadValueError(f"readout must be 'sum', 'mean' or 'both', not {readout!r}")
        if hidden_dim < 1:
            raise BadValueError(f"hidden_dim must be at least 1, not {hidden_dim}")
        self.readout = readout
        self.embedding_dim = 2 * hidden_dim if readout == "both" else hidden_dim

    @abstractmethod
    def atoms(self, batch: Batch) -> Tensor:
        """Return the (atoms, hidden_dim) vectors after the last layer."""

    def forward(self, batch: Batch) -> Tensor:
        """Return the (N, d) embedding."""
        atoms = self.atoms(batch)
        parts = []
        if self.readout in ("sum", "both"):
            parts.append(global_add_pool(atoms, batch.batch, batch.num_graphs))
        if self.readout in ("mean", "both"):
            parts.append(global_mean_pool(atoms, batch.batch, batch.num_graphs))
        return torch.cat(parts, dim=1)


class ConvolutionalEncoder(GraphEncoder):
    """Layers of convolution, batch normalization, ReLU, dropout, with a residual connection.

    Args:
        hidden_dim: width.
        layers: number of convolutions.
        dropout: probability after each layer.
        readout: see :class:`GraphEncoder`.
    """

    def __init__(
        self,
        hidden_dim: int = 200,
        layers: int = 4,
        dropout: float = 0.1,
        readout: Readout = "both",
    ) -> None:
        super().__init__(hidden_dim, readout)
        if layers < 1:
            raise BadValueError(f"layers must be at least 1, not {layers}")
        self.atom_embedding = atom_embedding(hidden_dim)
        self.convolutions = nn.ModuleList(self.convolution(hidden_dim) for _ in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden_dim) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    @abstractmethod
    def convolution(self, hidden_dim: int) -> nn.Module:
        """Make one layer: (atoms (A, d), batch) -> (A, d)."""

    def atoms(self, batch: Batch) -> Tensor:
        """Return the (atoms, hidden_dim) vectors after the last layer."""
        atoms: Tensor = self.atom_embedding(batch.x)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            atoms = atoms + self.dropout(torch.relu(norm(convolution(atoms, batch))))
        return atoms
