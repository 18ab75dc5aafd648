"""Fingerprints of molecules: which substructures they have, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

RADIUS = 2
BITS = 2048
# Saved models rely on their order and on the number of bins.
FINGERPRINTS = ("morgan", "feature-morgan", "atom-pairs", "torsions")
BINS = 4096


@cache
def morgan_generator() -> Any:
    """Return RDKit's generator of Morgan fingerprints of radius 2 with 2,048 bits."""
    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def bit_vectors(molecules: Iterable[Chem.Mol]) -> list[Any]:
    """Return the Morgan fingerprints of molecules as RDKit's bit vectors."""
    return list(map(morgan_generator().GetFingerprint, molecules))


def packed_bits(molecules: Iterable[Chem.Mol]) -> NDArray[np.uint8]:
    """Return the packed bits of the Morgan fingerprints of n molecules, (n, 256)."""
    make = morgan_generator().GetFingerprintAsNumPy
    return np.packbits([make(molecule) for molecule in molecules], axis=1)


def counted(
    molecules: Iterable[Chem.Mol | None], fingerprints: Sequence[str]
) -> dict[str, list[dict[int, int]]]:
    """Return the counts of each molecule by bin, for each fingerprint; none in place of None."""
    molecules = list(molecules)
    found: dict[str, list[dict[int, int]]] = {}
    for name in fingerprints:
        count = _generators()[name].GetCountFingerprint
        found[name] = [{} if one is None else count(one).GetNonzeroElements() for one in molecules]
    return found


def as_matrices(counts: Mapping[str, list[dict[int, int]]]) -> dict[str, csr_array]:
    """Return the counts of N molecules as sparse matrices (N, 4096)."""
    return {name: _sparse(rows) for name, rows in counts.items()}


def _sparse(rows: list[dict[int, int]]) -> csr_array:
    from scipy.sparse import csr_array

    starts = np.cumsum([0, *map(len, rows)])
    bins = np.array([place for row in rows for place in row], np.int32)
    counts = np.array([count for row in rows for count in row.values()], np.int32)
    return csr_array((counts, bins, starts), shape=(len(rows), BINS))


@cache
def _generators() -> dict[str, Any]:
    features = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
    return {
        "morgan": rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BINS),
        "feature-morgan": rdFingerprintGenerator.GetMorganGenerator(
            radius=RADIUS, fpSize=BINS, atomInvariantsGenerator=features
        ),
        "atom-pairs": rdFingerprintGenerator.GetAtomPairGenerator(
            fpSize=BINS, countSimulation=False
        ),
        "torsions": rdFingerprintGenerator.GetTopologicalTorsionGenerator(
            fpSize=BINS, countSimulation=False
        ),
    }
