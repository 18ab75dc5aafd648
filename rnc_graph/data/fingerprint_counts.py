"""How often molecules have the substructures of a fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy.sparse import csr_array

from rnc_graph.data.featurizer import TOGETHER, parse_smiles
from rnc_graph.data.rdkit_log import whole

FINGERPRINTS = ("morgan", "feature-morgan", "atom-pairs", "torsions")
BINS = 4096


def fingerprint_counts(smiles: Sequence[str], fingerprints: Sequence[str]) -> dict[str, csr_array]:
    """Return how often each substructure is in each of N molecules, (N, 4096), by fingerprint.

    Args:
        smiles: N SMILES.
        fingerprints: "morgan" and "feature-morgan" of radius 2 (Rogers and Hahn, J. Chem. Inf.
            Model. 50, 2010), "atom-pairs" (Carhart et al., J. Chem. Inf. Comput. Sci. 25, 1985),
            "torsions" (Nilakantan et al., J. Chem. Inf. Comput. Sci. 27, 1987).

    Raises:
        ValueError: a SMILES is not valid.
    """

    def counts_of_few(first: int) -> dict[str, list[dict[int, int]]]:
        few = smiles[first : first + TOGETHER]
        return counted([parse_smiles(text) for text in few], fingerprints)

    found: dict[str, list[dict[int, int]]] = {name: [] for name in fingerprints}
    for first in range(0, len(smiles), TOGETHER):
        for name, counts in whole(partial(counts_of_few, first)).items():
            found[name] += counts
    return as_matrices(found)


def counted(
    molecules: Iterable[Chem.Mol], fingerprints: Sequence[str]
) -> dict[str, list[dict[int, int]]]:
    """Return the counts of each molecule by bin, for each fingerprint."""
    molecules = list(molecules)
    return {
        name: [
            found.GetNonzeroElements()
            for found in map(_generators()[name].GetCountFingerprint, molecules)
        ]
        for name in fingerprints
    }


def as_matrices(counts: Mapping[str, list[dict[int, int]]]) -> dict[str, csr_array]:
    """Return the counts of N molecules as sparse matrices (N, 4096)."""
    return {name: _sparse(rows) for name, rows in counts.items()}


def _sparse(rows: list[dict[int, int]]) -> csr_array:
    starts = np.cumsum([0, *map(len, rows)])
    bins = np.array([place for row in rows for place in row], np.int32)
    counts = np.array([count for row in rows for count in row.values()], np.int32)
    return csr_array((counts, bins, starts), shape=(len(rows), BINS))


@cache
def _generators() -> dict[str, Any]:
    features = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
    return {
        "morgan": rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BINS),
        "feature-morgan": rdFingerprintGenerator.GetMorganGenerator(
            radius=2, fpSize=BINS, atomInvariantsGenerator=features
        ),
        "atom-pairs": rdFingerprintGenerator.GetAtomPairGenerator(
            fpSize=BINS, countSimulation=False
        ),
        "torsions": rdFingerprintGenerator.GetTopologicalTorsionGenerator(
            fpSize=BINS, countSimulation=False
        ),
    }
