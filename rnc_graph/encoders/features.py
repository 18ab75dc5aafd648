"""From the features of nodes and edges to vectors: categories, floats, or none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnc_graph.data.schema import Features, describe
from rnc_graph.encoders.incidence import Incidence, eager_on_cpu
from rnc_graph.errors import BadValueError


class Kinds(NamedTuple):
    """The K distinct rows of categories of nodes or edges, which are few.

    Attributes:
        rows: (K, features) of the table of a :class:`FeatureEmbedding`.
        members: the kind of each node or edge.
    """

    rows: Tensor
    members: Incidence


class FeatureEmbedding(nn.Module):
    """The sum of one learned vector per category, (rows, features) -> (rows, d).

    Each table has one vector more than values: that of the mask, ``rnc_graph.data.schema.MASK``.
    """

    def __init__(self, sizes: Sequence[int], embedding_dim: int) -> None:
        super().__init__()
        self.sizes: Tensor
        self.offsets: Tensor
        self.strides: Tensor | None
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)
        # One table for all features, so that a row is a single look-up.
        *offsets, _ = accumulate((size + 1 for size in sizes), initial=0)
        self.register_buffer("offsets", torch.tensor(offsets), persistent=False)
        # What makes one number of a row, which is faster to sort by, unless it does not fit.
        *strides, kinds = accumulate((size + 1 for size in sizes), int.__mul__, initial=1)
        fits = torch.tensor(strides) if kinds < 2**63 else None
        self.register_buffer("strides", fits, persistent=False)
        self.table = nn.EmbeddingBag(sum(sizes) + len(sizes), embedding_dim, mode="sum")
        nn.init.xavier_uniform_(self.table.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return the (rows, d) vectors; raises :class:`BadValueError` for other features."""
        if eager_on_cpu(features):
            return self.of_kinds(self.kinds(features))
        return self.vectors(self.indices(features))

    def of_kinds(self, kinds: Kinds) -> Tensor:
        """Return the vectors of all members of kinds, with one look-up, and gradient, a kind."""
        return kinds.members.take(self.vectors(kinds.rows))

    def vectors(self, indices: Tensor) -> Tensor:
        """Return the (rows, d) sums of the table's rows (rows, features)."""
        if torch.compiler.is_exporting():  # By operations that ONNX has, for any number of rows.
            return nn.functional.embedding(indices, self.table.weight).sum(1)
        if len(indices) == 0:  # Methane has no bonds, and an empty bag is an error.
            return self.table.weight.new_zeros(0, self.table.embedding_dim)
        summed: Tensor = self.table(indices)
        return summed

    def kinds(self, features: Tensor) -> Kinds:
        """Return the distinct rows of features (rows, features); raises as :meth:`indices`."""
        indices = self.indices(features)
        if self.strides is None:
            rows, kind = torch.unique(indices, dim=0, return_inverse=True)
            return Kinds(rows, Incidence(kind, len(rows)))
        keys, kind = torch.unique((indices * self.strides).sum(1), return_inverse=True)
        members = torch.arange(len(kind), device=kind.device)
        example = torch.empty_like(keys).scatter_(0, kind, members)
        return Kinds(indices[example], Incidence(kind, len(keys)))

    def indices(self, features: Tensor) -> Tensor:
        """Return the rows of the table (rows, features); raises :class:`BadValueError`."""
        features = features[:, None] if features.dim() == 1 else features
        if features.is_floating_point() or features.shape[1] != len(self.sizes):
            raise _unexpected(features, tuple(self.sizes.tolist()))
        features = features.long()  # Bytes have no mask.
        if torch.compiler.is_exporting() or not len(features):
            return torch.where(features < 0, self.sizes, features) + self.offsets
        # An index past its table would read the next feature's vectors.
        low, high = torch.aminmax(features, dim=0)
        inside = ((low >= -1) & (high < self.sizes)).all()
        if features.device.type != "cpu":  # Without waiting for the device.
            torch._assert_async(inside, "a category past its table")
        elif not inside:
            raise BadValueError(
                f"expected {describe(tuple(self.sizes.tolist()))}, got indices from {low.tolist()} "
                f"to {high.tolist()}; make the encoder for the data set's schema"
            )
        return torch.where(features < 0, self.sizes, features) + self.offsets


class FloatEmbedding(nn.Linear):
    """A linear map of floats, (rows, width) -> (rows, d)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the (rows, d) vectors; raises :class:`BadValueError` for other features."""
        features = input[:, None] if input.dim() == 1 else input
        if not features.is_floating_point() or features.shape[1] != self.in_features:
            raise _unexpected(features, self.in_features)
        return super().forward(features.to(self.weight.dtype))


class NoFeatures(nn.Module):
    """One learned vector for all rows."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.empty(1, embedding_dim))
        nn.init.xavier_uniform_(self.vector)

    def forward(self, rows: int) -> Tensor:
        """Return the vector for each of some rows, (rows, d)."""
        return self.vector.expand(rows, -1)


def embedding(
    features: Features, embedding_dim: int
) -> FeatureEmbedding | FloatEmbedding | NoFeatures:
    """Make the embedding of some features, (rows, features) -> (rows, d)."""
    if isinstance(features, tuple):
        return FeatureEmbedding(features, embedding_dim)
    return FloatEmbedding(features, embedding_dim) if features else NoFeatures(embedding_dim)


def _unexpected(features: Tensor, expected: Features) -> BadValueError:
    return BadValueError(
        f"expected {describe(expected)}, got features of shape {tuple(features.shape)} and "
        f"{features.dtype}; what adds features to graphs alters the data set, before training"
    )
