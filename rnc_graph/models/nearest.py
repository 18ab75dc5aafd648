"""The training molecules nearest to a new one: in their structures, and in a model's embedding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from rnc_graph.data import MoleculeTable
from rnc_graph.data.duplicates import merge_transformed
from rnc_graph.data.features import molecule_features
from rnc_graph.data.scaling import not_positive
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError
from rnc_graph.models.model import NO_EMBEDDING, MoleculeModel, digests


@dataclass(frozen=True)
class TrainingMolecules:
    """M molecules that a model has seen, with what was measured.

    A model keeps no structures and no measurements of its training set, so these are taken from
    the table that it was trained on.

    Attributes:
        table: M rows of different molecules; values of several rows of a molecule are averaged,
            as logarithms for a target that is learned as log10.
        canonical: their M canonical SMILES.
        fingerprints: (M, 2048) bits.
        embedding: (M, d) by the model; None of a model without one.
    """

    table: MoleculeTable
    canonical: list[str]
    fingerprints: NDArray[np.bool_]
    embedding: FloatArray | None = None

    @classmethod
    def of(cls, model: MoleculeModel, table: MoleculeTable, jobs: int = 1) -> TrainingMolecules:
        """Take the molecules of a table that belong to the model's training or validation set.

        All of them for a model of format 1, which does not know what it has seen.

        Raises:
            BadValueError: there are none, or the table has other targets than the model.
        """
        if table.target_names != model.targets:
            raise BadValueError(
                f"{table.name}: expected the model's targets {', '.join(model.targets)}, got "
                f"{', '.join(table.target_names)}"
            )
        features = molecule_features(table.smiles, model.featurizer_config_to_embed, jobs=jobs)
        rows = features.good
        # Training leaves out values that have no logarithm.
        unused = not_positive(table.targets[rows], model.scaler.transforms)
        rows = rows[~unused.any(axis=1)]
        if model.seen is not None:
            seen = np.isin(digests([features.canonical[row] for row in rows]), model.seen)
            rows = rows[seen]
        if not len(rows):
            raise BadValueError(
                f"{table.name}: none of its {len(table)} molecules belongs to the model's training "
                "set; expected the table that it was trained on"
            )
        canonical = [features.canonical[row] for row in rows]
        merged = merge_transformed(table.take(rows), canonical, "mean", model.scaler)
        kept = np.flatnonzero(np.isin(table.rows, merged.rows))
        bits = np.unpackbits(features.fingerprints[kept], axis=1).astype(bool)
        embedding = model.embed(features)[kept] if model.has_embedding else None
        return cls(merged, [features.canonical[row] for row in kept], bits, embedding)

    def nearest(
        self, fingerprints: NDArray[np.uint8], count: int = 3
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the training molecules whose structures are most similar to each of N molecules.

        Args:
            fingerprints: (N, 256) packed bits.
            count: how many of them.

        Returns:
            Their rows in ``table`` and their Tanimoto similarities, (N, count), the most similar
            first; fewer columns if there are fewer molecules.
        """
        own = np.unpackbits(fingerprints, axis=1).astype(bool)
        rows, distances = _smallest(cdist(own, self.fingerprints, "jaccard"), count)
        return rows, 1 - distances

    def nearest_by_embedding(
        self, embedding: FloatArray, count: int = 3
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the training molecules nearest to each of N molecules in the model's embedding.

        Args:
            embedding: (N, d) by the model.
            count: how many of them.

        Returns:
            Their rows in ``table`` and their Euclidean distances, (N, count), the nearest first;
            fewer columns if there are fewer molecules.

        Raises:
            BadValueError: the model has no embedding.
        """
        if self.embedding is None:
            raise BadValueError(NO_EMBEDDING)
        return _smallest(cdist(embedding, self.embedding), count)

    def similarity(self, fingerprints: NDArray[np.uint8], rows: NDArray[np.int64]) -> FloatArray:
        """Return the Tanimoto similarities (N, k) of each of N molecules to k training molecules.

        ``fingerprints`` are (N, 256) packed bits, and ``rows`` (N, k) those of ``table``.
        """
        own = np.unpackbits(fingerprints, axis=1).astype(bool)[:, None]
        known = self.fingerprints[rows]
        shared, either = (x.sum(axis=-1) for x in (own & known, own | known))
        return np.asarray(shared / np.maximum(either, 1))


def _smallest(values: FloatArray, count: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the columns of the smallest values of each row, and these, (N, count)."""
    order = np.argsort(values, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(values, order, axis=1)
