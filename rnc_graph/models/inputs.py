"""What the members see of a molecule: its graph, and its descriptors as normal scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor, nn
from torch_geometric.data import Batch

from rnc_graph.data import GraphDataset
from rnc_graph.data.features import MoleculeFeatures, featurize, fingerprint_counts
from rnc_graph.data.featurizer import descriptor_names
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.data.table import FloatArray
from rnc_graph.encoders import ENCODERS
from rnc_graph.encoders.environments import Environments
from rnc_graph.errors import BadValueError
from rnc_graph.seeding import one_thread
from rnc_graph.training import infer

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ENCODER = "gin-moses"
"""The encoder that the networks of new models start from: narrower, so it trains faster."""

EMBEDDING = "gin-moses-1m"
"""The pretrained encoder whose embedding members of new models take."""

BATCH_SIZE = 256
"""Molecules that encoders embed at a time."""

# Batches of more molecules than two blocks of predictions take too much memory to be kept.
_MOST_KEPT = 2048
# Some descriptors grow past all bounds with the size of a molecule.
_LARGEST_SCORE = 3.0
# scikit-learn takes values as near as this to the first or last quantile for it.
_AT_THE_END = 1e-7


@cache
def example_molecules() -> GraphDataset:
    """Return two small molecules, which any encoder of molecules runs on to find its width."""
    return featurize(["CC(=O)N", "c1ccccc1O"])[0]


class GraphLoader:
    """The batches of N graphs, for several encoders; made once, unless there are many.

    Args:
        graphs: a data set.
        rows: (N,) which of its graphs.
    """

    def __init__(self, graphs: GraphDataset, rows: Tensor) -> None:
        self.graphs, self.rows = graphs, rows
        self._made: list[Environments] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_made": []}  # Workers make their own.

    def __iter__(self) -> Iterator[Environments]:
        if self._made:
            return iter(self._made)
        made = (
            Environments(self.graphs.batch(rows)) for rows in torch.split(self.rows, BATCH_SIZE)
        )
        if len(self.rows) > _MOST_KEPT:
            return made
        self._made = list(made)
        return iter(self._made)

    def embed(self, encoder: nn.Module) -> Tensor:
        """Return the (N, d) embedding by an encoder in evaluation mode, on its device."""
        device = next((x.device for x in encoder.parameters()), self.rows.device)
        with torch.no_grad():
            if device.type != "cpu":
                return infer(encoder, ((one.batch,) for one in self))
            return torch.cat([one.embed(encoder) for one in self])


@cache
def _pretrained(encoder: str) -> nn.Module:
    return ENCODERS.make(encoder).eval()


@dataclass(frozen=True)
class Inputs:
    """N molecules.

    Attributes:
        molecules: their graphs, in batches.
        scores: (N, k) float32 descriptors as normal scores; k = 0 for a model without descriptors.
        smiles: N canonical SMILES; none where they were not computed.
        embedding: (N, d) float32 of the pretrained encoder; d = 0 where it was not computed.
        counts: (N, 4096) of substructures by fingerprint; none where they were not computed.
    """

    molecules: GraphLoader
    scores: Tensor
    smiles: list[str]
    embedding: Tensor
    counts: dict[str, csr_array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def graphs(self) -> GraphDataset:
        """The N graphs, and those of molecules that cannot be read."""
        return self.molecules.graphs

    @property
    def rows(self) -> Tensor:
        """(N,) the graph of each."""
        return self.molecules.rows

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
        molecules = GraphLoader(features.graphs, torch.from_numpy(rows))
        embedded = torch.empty(len(rows), 0)
        if embedding is not None:
            with one_thread():  # The same bits everywhere.
                embedded = molecules.embed(_pretrained(embedding))
        counts = features.counts
        if not np.array_equal(rows, np.arange(len(features))):
            counts = {name: matrix[rows] for name, matrix in counts.items()}
        return cls(molecules, scores, smiles, embedded, counts)

    def take(self, index: Tensor) -> Inputs:
        """Return some of the N molecules."""
        smiles = [self.smiles[row] for row in index] if self.smiles else []
        scores, embedding = self.scores[index], self.embedding[index]
        molecules = GraphLoader(self.graphs, self.rows[index])
        counts = {name: matrix[index.numpy()] for name, matrix in self.counts.items()}
        return Inputs(molecules, scores, smiles, embedding, counts)

    def fingerprint_counts(self, fingerprints: Sequence[str]) -> dict[str, csr_array]:
        """Return how often each substructure is in each molecule, (N, 4096), by fingerprint.

        Raises:
            BadValueError: the SMILES were not computed, which is a mistake of the caller.
        """
        if self.counts:
            return {name: self.counts[name] for name in fingerprints}
        if len(self.smiles) != len(self):
            raise BadValueError("counts of fingerprints need the molecules' canonical SMILES")
        return fingerprint_counts(self.smiles, fingerprints)

    def counted(self) -> Inputs:
        """Return the molecules with their counts, so that members need not make them again."""
        return replace(self, counts=self.fingerprint_counts(FINGERPRINTS))

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
        molecules = GraphLoader(self.graphs.to(device), self.rows.to(device))
        return replace(self, molecules=molecules)


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
        medians[known] = np.nanmedian(_filled(descriptors[:, known], np.nan), axis=0)
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


def _filled(descriptors: FloatArray, filling: FloatArray | float) -> FloatArray:
    return np.where(np.isfinite(descriptors), descriptors, filling)
