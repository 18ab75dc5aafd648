"""What the members see of a molecule: its graph, and its descriptors as normal scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor, nn
from torch_geometric.data import Batch

from rnc_graph.data import GraphDataset
from rnc_graph.data.features import MoleculeFeatures, featurize
from rnc_graph.data.featurizer import descriptor_names
from rnc_graph.data.table import FloatArray
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import BadValueError
from rnc_graph.seeding import one_thread
from rnc_graph.training import embed_graphs

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ENCODER = "gin-moses"
"""The encoder that the networks of new models start from: narrower, so it trains faster."""

EMBEDDING = "gin-moses-1m"
"""The pretrained encoder whose embedding members of new models take."""

# Some descriptors grow past all bounds with the size of a molecule.
_LARGEST_SCORE = 3.0
# scikit-learn takes values as near as this to the first or last quantile for it.
_AT_THE_END = 1e-7


@cache
def example_molecules() -> GraphDataset:
    """Return two small molecules, which any encoder of molecules runs on to find its width."""
    return featurize(["CC(=O)N", "c1ccccc1O"])[0]


def pretrained_embedding(encoder: str, graphs: GraphDataset, rows: Tensor) -> Tensor:
    """Return the (N, d) embedding of some graphs by a frozen encoder of the package."""
    with one_thread():  # The same bits everywhere.
        return embed_graphs(_pretrained(encoder), graphs, rows)


@cache
def _pretrained(encoder: str) -> nn.Module:
    return ENCODERS.make(encoder).eval()


@dataclass(frozen=True)
class Inputs:
    """N molecules.

    Attributes:
        graphs: their N graphs, and those of molecules that cannot be read.
        rows: (N,) the graph of each.
        scores: (N, k) float32 descriptors as normal scores; k = 0 for a model without descriptors.
        smiles: N canonical SMILES; none where they were not computed.
        embedding: (N, d) float32 of the pretrained encoder; d = 0 where it was not computed.
        counts: (N, 4096) of substructures by fingerprint; none where they were not computed.
    """

    graphs: GraphDataset
    rows: Tensor
    scores: Tensor
    smiles: list[str]
    embedding: Tensor
    counts: dict[str, csr_array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(
        cls,
        features: MoleculeFeatures,
        rows: NDArray[np.int64],
        scaler: DescriptorScaler | None,
        *,
        embedding: str | None = None,
    ) -> Inputs:
        """Take the rows of molecules that can be read.

        Without a scaler they have no descriptors, and without the name of a pretrained encoder no
        embedding.
        """
        scores = torch.zeros(len(rows), 0)
        if scaler is not None:
            scores = scaler.transform(descriptor_names(), features.descriptors[rows])
        smiles = [features.canonical[row] for row in rows] if features.canonical else []
        index = torch.from_numpy(rows)
        embedded = index.new_empty(len(rows), 0).float()
        if embedding is not None:
            embedded = pretrained_embedding(embedding, features.graphs, index)
        counts = {name: matrix[rows] for name, matrix in features.counts.items()}
        return cls(features.graphs, index, scores, smiles, embedded, counts)

    def take(self, index: Tensor) -> Inputs:
        """Return some of the N molecules."""
        smiles = [self.smiles[row] for row in index] if self.smiles else []
        scores, embedding = self.scores[index], self.embedding[index]
        return Inputs(self.graphs, self.rows[index], scores, smiles, embedding)

    def batch(self, index: Tensor) -> Batch:
        """Return the graphs of some of the N molecules."""
        return self.graphs.batch(self.rows[index])

    @property
    def nbytes(self) -> int:
        """The size in bytes of what :meth:`to` moves."""
        return self.graphs.nbytes

    @property
    def device(self) -> torch.device:
        """Where the graphs are."""
        return self.graphs.device

    def to(self, device: torch.device) -> Inputs:
        """Return the molecules with their graphs on a device."""
        return replace(self, graphs=self.graphs.to(device), rows=self.rows.to(device))


@dataclass(frozen=True)
class DescriptorScaler:
    """Turns descriptors into normal scores of their rank among the training molecules.

    Ranks, not values: some descriptors have tails that no linear scaling bounds.

    Attributes:
        names: the k descriptors that vary in the training set.
        medians: (k,) replace undefined values.
        quantiles: (q, k) of the training set.
    """

    names: list[str]
    medians: FloatArray
    quantiles: FloatArray

    @classmethod
    def fit(cls, names: Sequence[str], descriptors: FloatArray) -> DescriptorScaler:
        """Learn from the training set's descriptors (N, D), NaN where not defined."""
        known = np.asarray(np.isfinite(descriptors).any(axis=0))
        medians = np.zeros(len(known))
        medians[known] = np.nanmedian(_without_infinities(descriptors[:, known]), axis=0)
        filled = _filled(descriptors, medians)
        kept = np.flatnonzero(np.ptp(filled, axis=0) > 0)
        quantiles = np.empty((1, 0))
        if kept.size:
            transformer = QuantileTransformer(n_quantiles=min(200, len(filled)), random_state=0)
            quantiles = transformer.fit(filled[:, kept]).quantiles_
        return cls([names[column] for column in kept.tolist()], medians[kept], quantiles)

    def transform(self, names: Sequence[str], descriptors: FloatArray) -> Tensor:
        """Return the (N, k) float32 scores of descriptors (N, D) of these names.

        Raises:
            BadValueError: a descriptor that the model needs is not among them.
        """
        if not self.names:
            return torch.zeros(len(descriptors), 0)
        place = {name: column for column, name in enumerate(names)}
        missing = [name for name in self.names if name not in place]
        if missing:
            raise BadValueError(
                f"the model needs descriptors that this version of RDKit lacks: "
                f"{', '.join(missing[:5])}; the model card names the version it was trained with"
            )
        columns = [place[name] for name in self.names]
        filled = _filled(descriptors[:, columns], self.medians)
        # As QuantileTransformer does, but for its checks: all columns in one call of ndtri.
        shares = np.linspace(0, 1, len(self.quantiles))
        ranks = np.empty_like(filled)
        rising, falling = self.quantiles.T, -self.quantiles[::-1].T
        for column, values in enumerate(filled.T):
            # A value that several quantiles have gets the middle of their shares.
            lower = -np.interp(-values, falling[column], -shares[::-1])
            ranks[:, column] = (np.interp(values, rising[column], shares) + lower) / 2
        ranks[filled + _AT_THE_END > self.quantiles[-1]] = 1
        ranks[filled - _AT_THE_END < self.quantiles[0]] = 0
        scores = ndtri(ranks).clip(-_LARGEST_SCORE, _LARGEST_SCORE)
        return torch.from_numpy(scores).float()


def _without_infinities(descriptors: FloatArray) -> FloatArray:
    return np.where(np.isfinite(descriptors), descriptors, np.nan)


def _filled(descriptors: FloatArray, medians: FloatArray) -> FloatArray:
    return np.where(np.isfinite(descriptors), descriptors, medians)
