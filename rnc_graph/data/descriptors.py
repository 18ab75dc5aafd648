"""Morgan fingerprints of molecules."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import Wants


def morgan_fingerprints(smiles: Sequence[str]) -> NDArray[np.uint8]:
    """Return the (N, 2048) Morgan fingerprints of radius 2 (Rogers and Hahn, 2010) of N SMILES."""
    return np.unpackbits(molecule_features(smiles, Wants(fingerprints=True)).fingerprints, axis=1)
