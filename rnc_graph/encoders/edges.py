"""The edges of a batch, prepared once for all layers of an encoder."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor, nn
from torch_geometric.data import Batch

from rnc_graph.encoders.features import FeatureEmbedding, Kinds
from rnc_graph.encoders.incidence import Incidence, sorts
from rnc_graph.errors import BadValueError


class Edges:
    """The E edges of a batch with A nodes.

    Attributes:
        batch: the batch.
        index: (2, E) the sources and targets.
        source: the node that each edge starts from.
        target: the node that each edge leads to.
    """

    def __init__(self, batch: Batch, nodes: int, index: Tensor | None = None) -> None:
        index = batch.edge_index if index is None else index
        if not isinstance(index, Tensor):
            raise BadValueError("expected edge_index, got a sparse matrix of edges")
        self.batch, self.index, self.nodes = batch, index, nodes
        self.source, self.target = (Incidence(ends, nodes) for ends in index)
        self._kinds: Kinds | None = None

    @cached_property
    def without_loops(self) -> Edges:
        """Those from one node to another; they have no features."""
        return Edges(self.batch, self.nodes, self.index[:, self.index[0] != self.index[1]])

    @property
    def features(self) -> Tensor:
        """``edge_attr``; raises :class:`BadValueError` without."""
        if "edge_attr" not in self.batch:
            raise BadValueError(
                "expected edge features edge_attr, got none; edge_dim=None takes none"
            )
        features: Tensor = self.batch.edge_attr
        return features

    def embedded(self, embedding: nn.Module) -> Tensor:
        """Return the (E, d) embedded features; categories of all layers have the same sizes."""
        features: Tensor | Kinds = self.features
        if isinstance(embedding, FeatureEmbedding) and sorts(self.features) and len(self.features):
            if self._kinds is None:
                self._kinds = embedding.kinds(self.features)
            features = self._kinds
        embedded: Tensor = embedding(features)
        return embedded
