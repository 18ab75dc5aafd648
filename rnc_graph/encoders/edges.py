"""The edges of a batch, prepared once for all layers of an encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from rnc_graph.encoders.features import FeatureEmbedding, Kinds
from rnc_graph.encoders.incidence import Incidence, eager_on_cpu
from rnc_graph.errors import BadValueError


class Edges:
    """E edges between A nodes.

    Args:
        index: (2, E) the sources and targets.
        nodes: A.
        features: ``edge_attr``, (E, columns) or (E,).

    Attributes:
        source: the node that each edge starts from.
        target: the node that each edge leads to.

    Raises:
        BadValueError: ``index`` is not (2, E), not of integers, or has nodes that there are not.
    """

    def __init__(self, index: Tensor, nodes: int, features: Tensor | None = None) -> None:
        _check_index(index, nodes)
        self.index, self.nodes, self._features = index, nodes, features
        self.source, self.target = Incidence(index[0], nodes), Incidence(index[1], nodes)
        self._kinds: Kinds | None = None
        self._without_loops: Edges | None = None

    @classmethod
    def of(cls, batch: Batch, nodes: int) -> Edges:
        """Return those of a batch with A nodes."""
        features = batch.edge_attr if "edge_attr" in batch else None
        return cls(batch.edge_index, nodes, features)

    @property
    def features(self) -> Tensor:
        """``edge_attr``; raises :class:`BadValueError` without, and for other than E of them."""
        if self._features is None:
            raise BadValueError(
                "expected edge features edge_attr, got none; edge_dim=None takes none"
            )
        # No len(), which would fix the number of edges of an exported encoder.
        if self._features.shape[0] != self.index.shape[1]:
            raise BadValueError(
                f"edge_attr: expected a row for each of {self.index.shape[1]} edges, got "
                f"{len(self._features)}"
            )
        return self._features

    @property
    def without_loops(self) -> Edges:
        """The edges from one node to another, without features."""
        if self._without_loops is None:
            self._without_loops = Edges(self.index[:, self.index[0] != self.index[1]], self.nodes)
        return self._without_loops

    def embedded(self, embedding: nn.Module) -> Tensor:
        """Return the (E, d) embedded features; categories of all layers have the same sizes."""
        if isinstance(embedding, FeatureEmbedding) and eager_on_cpu(self.index):
            if self._kinds is None:
                self._kinds = embedding.kinds(self.features)
            return embedding.of_kinds(self._kinds)
        embedded: Tensor = embedding(self.features)
        return embedded


def _check_index(index: Tensor, nodes: int) -> None:
    if not isinstance(index, Tensor) or index.layout is not torch.strided:
        raise BadValueError("expected edge_index, got a sparse matrix of edges")
    if index.dim() != 2 or len(index) != 2:
        raise BadValueError(f"edge_index: expected shape (2, E), got {tuple(index.shape)}")
    if index.dtype not in (torch.int64, torch.int32):
        raise BadValueError(f"edge_index: expected integers of 32 or 64 bits, got {index.dtype}")
    if eager_on_cpu(index) and index.numel():  # Without waiting for a device.
        low, high = map(int, index.aminmax())
        if low < 0 or high >= nodes:
            raise BadValueError(
                f"edge_index: expected nodes from 0 to {nodes - 1}, got {low} to {high}"
            )
