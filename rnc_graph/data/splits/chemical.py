"""Splits by structure: the test set's chemistry is new to the model."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.splits.molecules import (
    Fractions,
    SplitMolecules,
    balanced,
    check_fractions,
    checked,
    filled,
    groups_of,
    merged,
    numbered,
)
from rnc_graph.data.splits.registry import SPLITS
from rnc_graph.data.splits.split import Split
from rnc_graph.errors import BadValueError

# All pairs of so many fingerprints are compared in memory; beyond, centers are picked instead.
_LARGEST_BUTINA = 20_000


@SPLITS.register("scaffold")
class ScaffoldSplitter:
    """Whole Bemis-Murcko scaffolds (Bemis and Murcko, J. Med. Chem. 39, 1996).

    All molecules without a ring share the empty scaffold, as in DeepChem and OGB.

    Args:
        order: "size" fills the training set with the largest scaffolds first, and of equally large
            ones with the later first row, as DeepChem and OGB do: the seed changes nothing.
            "balanced", as in chemprop, puts scaffolds too large for half of the validation or test
            part first, and the others in a random order.
    """

    def __init__(self, order: Literal["balanced", "size"] = "balanced") -> None:
        self.order = order
        self.by_seed = order == "balanced"

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts."""
        check_fractions(fractions)
        scaffolds = [murcko_scaffold(text) for text in molecules.canonical]
        groups = groups_of(numbered(scaffolds))
        if self.order == "size":
            groups.sort(key=lambda rows: (len(rows), rows[0]), reverse=True)
        else:
            groups = balanced(groups, seed, fractions)
        return checked(filled(groups, fractions), molecules, fractions, "scaffold")


@SPLITS.register("butina")
class ButinaSplitter:
    """Whole clusters of like molecules (Butina, J. Chem. Inf. Comput. Sci. 39, 1999).

    Molecules within the cutoff of a cluster's center belong to it. Above 20,000 molecules, where
    all pairs do not fit in memory, the centers are RDKit's leaders (no two within the cutoff) and
    each molecule goes to its nearest.

    Args:
        cutoff: Tanimoto distance of Morgan fingerprints of radius 2, in (0, 1).
    """

    def __init__(self, cutoff: float = 0.6) -> None:
        if not 0 < cutoff < 1:
            raise BadValueError(f"cutoff must lie between 0 and 1, found {cutoff}")
        self.cutoff = cutoff

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts."""
        check_fractions(fractions)
        clusters = merged(self._clusters(molecules.canonical), molecules.identity)
        groups = balanced(groups_of(clusters), seed, fractions)
        return checked(filled(groups, fractions), molecules, fractions, "butina")

    def _clusters(self, canonical: list[str]) -> NDArray[np.int64]:
        from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
        from rdkit.DataStructs import BulkTanimotoSimilarity
        from rdkit.ML.Cluster import Butina
        from rdkit.SimDivFilters.rdSimDivPickers import LeaderPicker

        from rnc_graph.data.featurizer import FINGERPRINT_BITS, FINGERPRINT_RADIUS, parse_smiles

        generator = GetMorganGenerator(radius=FINGERPRINT_RADIUS, fpSize=FINGERPRINT_BITS)
        bits = [generator.GetFingerprint(parse_smiles(text)) for text in canonical]
        cluster = np.empty(len(bits), dtype=np.int64)
        if len(bits) > _LARGEST_BUTINA:
            centers = list(LeaderPicker().LazyBitVectorPick(bits, len(bits), self.cutoff))
            leaders = [bits[center] for center in centers]
            for row, own in enumerate(bits):
                cluster[row] = int(np.argmax(BulkTanimotoSimilarity(own, leaders)))
            return cluster
        distances = [
            1 - similarity
            for row in range(1, len(bits))
            for similarity in BulkTanimotoSimilarity(bits[row], bits[:row])
        ]
        found = Butina.ClusterData(  # type: ignore[no-untyped-call]
            distances, len(bits), self.cutoff, isDistData=True
        )
        for number, rows in enumerate(found):
            cluster[list(rows)] = number
        return cluster


def murcko_scaffold(smiles: str) -> str:
    """Return the canonical SMILES of a molecule's scaffold, "" for one without a ring.

    >>> murcko_scaffold("CCc1ccccc1O")
    'c1ccccc1'
    """
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    scaffold: str = MurckoScaffoldSmiles(smiles)  # type: ignore[no-untyped-call]
    return scaffold
