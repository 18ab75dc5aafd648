"""What all graph encoders share: embedded features in, a readout over each graph's nodes out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import global_max_pool

from rnc_graph.data.schema import OGB_MOLECULES, GraphSchema, as_features, describe
from rnc_graph.encoders.base import Encoder
from rnc_graph.encoders.dropout import Dropout
from rnc_graph.encoders.edges import Edges
from rnc_graph.encoders.features import NoFeatures, embedding
from rnc_graph.encoders.incidence import Incidence
from rnc_graph.errors import BadValueError

Readout = Literal["sum", "mean", "max", "both"]

READOUTS = get_args(Readout)


class GraphEncoder(Encoder, ABC):
    """A batch of N graphs in, an (N, ``embedding_dim``) embedding out.

    Args:
        hidden_dim: width of the nodes' vectors.
        readout: "sum", "mean" or "max" over the nodes of each graph, or "both" for sum and mean
            side by side, which doubles the width of the embedding.
        in_channels: the width of ``x`` if it holds floats, the sizes of its tables if it holds
            categories, 0 without ``x``; our molecules by default.
        edge_dim: the same of ``edge_attr``; 0 or None without.
        normalize: batch normalization of the embedding, without weights.
    """

    inputs: ClassVar[Literal["graphs", "images"]] = "graphs"
    sees_edges: ClassVar[bool] = True
    """Whether it takes the features of edges."""

    def __init__(
        self,
        hidden_dim: int,
        readout: Readout,
        in_channels: int | Sequence[int] = OGB_MOLECULES.nodes,
        edge_dim: int | Sequence[int] | None = OGB_MOLECULES.edges,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        check_readout(readout)
        if hidden_dim < 1:
            raise BadValueError(f"hidden_dim must be at least 1, not {hidden_dim}")
        self.schema = GraphSchema(as_features(in_channels), as_features(edge_dim))
        self.readout = readout
        self.embedding_dim = 2 * hidden_dim if readout == "both" else hidden_dim
        self.output = (
            nn.BatchNorm1d(self.embedding_dim, affine=False) if normalize else nn.Identity()
        )

    @abstractmethod
    def atoms(self, batch: Batch) -> Tensor:
        """Return the (nodes, hidden_dim) vectors after the last layer."""

    def check(self, schema: GraphSchema) -> None:
        """Raise :class:`BadValueError` unless it takes the features of a data set."""
        levels: dict[Literal["nodes", "edges"], str] = {"nodes": "x", "edges": "edge_attr"}
        for name, key in levels.items():
            ignored = name == "edges" and not self.sees_edges
            if not ignored and not schema.fits(self.schema, name):
                own, given = describe(getattr(self.schema, name)), describe(getattr(schema, name))
                raise BadValueError(
                    f"{type(self).__name__}: expected {key!r} with {own}, got {given}; make the "
                    "encoder with in_channels and edge_dim of the data set's schema"
                )

    def forward(self, batch: Batch) -> Tensor:
        """Return the (N, d) embedding of a batch of N graphs; of a single ``Data`` (1, d)."""
        if not isinstance(batch, Data):
            raise BadValueError(
                f"{type(self).__name__}: expected a batch of graphs, got a {type(batch).__name__}"
            )
        if not isinstance(batch, Batch):
            batch = Batch.from_data_list([batch])
        # Graphs may be nodes alone; those of sparse matrices have edges, and are refused below.
        if not {"edge_index", "adj_t", "adj"} & {*batch.keys()}:
            batch = copy.copy(batch)
            batch.edge_index = batch.batch.new_empty((2, 0))
        embedding: Tensor = self.output(
            pool(self.atoms(batch), batch.batch, batch.num_graphs, self.readout)
        )
        return embedding


class ConvolutionalEncoder(GraphEncoder):
    """Layers of convolution, batch normalization, ReLU, dropout, with a residual connection.

    For the other arguments see :class:`GraphEncoder`.

    Args:
        layers: number of convolutions.
        dropout: probability after each layer.
    """

    def __init__(
        self,
        hidden_dim: int = 200,
        layers: int = 4,
        dropout: float = 0.1,
        readout: Readout = "both",
        in_channels: int | Sequence[int] = OGB_MOLECULES.nodes,
        edge_dim: int | Sequence[int] | None = OGB_MOLECULES.edges,
        normalize: bool = False,
    ) -> None:
        super().__init__(hidden_dim, readout, in_channels, edge_dim, normalize)
        if layers < 1:
            raise BadValueError(f"layers must be at least 1, not {layers}")
        self.atom_embedding = embedding(self.schema.nodes, hidden_dim)
        self.convolutions = nn.ModuleList(self.convolution(hidden_dim) for _ in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden_dim) for _ in range(layers))
        self.dropout = Dropout(dropout)

    @abstractmethod
    def convolution(self, hidden_dim: int) -> nn.Module:
        """Make one layer: (nodes (A, d), edges) -> (A, d)."""

    def atoms(self, batch: Batch) -> Tensor:
        """Return the (nodes, hidden_dim) vectors after the last layer."""
        atoms = embedded_nodes(self.atom_embedding, batch)
        edges = Edges.of(batch, len(atoms))
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            atoms = atoms + self.dropout(torch.relu(norm(convolution(atoms, edges))))
        return atoms


def check_readout(readout: str) -> None:
    """Raise :class:`BadValueError` for an unknown readout."""
    if readout not in READOUTS:
        raise BadValueError(f"readout: expected one of {', '.join(READOUTS)}, got {readout!r}")


def pool(nodes: Tensor, batch: Tensor, graphs: int, readout: Readout) -> Tensor:
    """Return the (B, d) sum, mean or maximum over the nodes (N, d) of each of B graphs.

    ``batch`` (N,) is the graph of each node; "both" is sum and mean side by side, (B, 2 d).
    """
    if readout == "max":
        pooled: Tensor = global_max_pool(nodes, batch, graphs)
        return pooled
    members = Incidence(batch, graphs)
    if readout == "both":
        return torch.cat([members.add(nodes), members.mean(nodes)], dim=1)
    return members.add(nodes) if readout == "sum" else members.mean(nodes)


def embedded_nodes(embed: nn.Module, batch: Batch) -> Tensor:
    """Return the (nodes, d) embedded features of a batch's nodes."""
    if not isinstance(embed, NoFeatures) and "x" not in batch:
        raise BadValueError("expected node features x, got none; in_channels=0 takes none")
    vectors: Tensor = embed(batch.num_nodes if isinstance(embed, NoFeatures) else batch.x)
    return vectors
