"""Fixed descriptions of molecules, for baselines: fingerprints and RDKit's descriptors."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.featurise import parse_smiles
from rnc_graph.data.table import FloatArray


def morgan_fingerprints(
    smiles: Sequence[str], radius: int = 2, bits: int = 2048
) -> NDArray[np.uint8]:
    """Return the (N, bits) Morgan fingerprints (Rogers and Hahn, 2010) of N valid SMILES."""
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    generator = GetMorganGenerator(radius=radius, fpSize=bits)
    return np.stack([generator.GetFingerprintAsNumPy(parse_smiles(text)) for text in smiles])


def rdkit_descriptors(smiles: Sequence[str]) -> FloatArray:
    """Return RDKit's (N, 200 and more) two-dimensional descriptors of N valid SMILES.

    Some are not defined for every molecule (NaN), and Ipc grows past all bounds with size: what
    uses them imputes and scales robustly.
    """
    return np.stack([_descriptors(text) for text in smiles])


@cache
def _descriptors(smiles: str) -> FloatArray:
    from rdkit import rdBase
    from rdkit.Chem import Descriptors

    with rdBase.BlockLogs():
        molecule = parse_smiles(smiles)
        values = Descriptors.CalcMolDescriptors(molecule, np.nan)  # type: ignore[no-untyped-call]
    return np.array(list(values.values()), dtype=np.float64)
