"""Fixed descriptions of molecules, for baselines: fingerprints and RDKit's descriptors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import Wants
from rnc_graph.data.table import FloatArray


def morgan_fingerprints(smiles: Sequence[str]) -> NDArray[np.uint8]:
    """Return the (N, 2048) Morgan fingerprints of radius 2 (Rogers and Hahn, 2010) of N SMILES."""
    return np.unpackbits(molecule_features(smiles, Wants(fingerprints=True)).fingerprints, axis=1)


def rdkit_descriptors(smiles: Sequence[str]) -> FloatArray:
    """Return RDKit's (N, 200 and more) two-dimensional descriptors of N valid SMILES.

    Some are not defined for every molecule (NaN), and Ipc grows past all bounds with size: what
    uses them imputes and scales robustly.
    """
    return molecule_features(smiles, Wants(descriptors=True)).descriptors
