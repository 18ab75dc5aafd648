"""Splits by structure: the molecules of the test set differ from those of the training set."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.splits.split import (
    SPLITS,
    Fractions,
    Groups,
    Split,
    SplitSamples,
    balanced,
    check_fractions,
    checked,
    filled,
    groups_of,
    joined,
    merged,
    numbered,
)
from rnc_graph.errors import BadValueError

# Up to this many molecules, all pairs of fingerprints are compared in memory.
_LARGEST_BUTINA = 10_000


@SPLITS.register("scaffold")
class ScaffoldSplitter:
    """Whole Bemis-Murcko scaffolds (Bemis and Murcko, J. Med. Chem. 39, 1996).

    Molecules without a ring share the empty scaffold, as in DeepChem and OGB.

    Args:
        order: "size" fills the training set with the largest scaffolds first, and of equally large
            ones with the later first sample, as DeepChem and OGB do: the seed changes nothing.
            "balanced", as in chemprop, puts scaffolds too large for half of the validation or test
            set first, and the others in a random order.
    """

    def __init__(self, order: Literal["balanced", "size"] = "balanced") -> None:
        self.order = order
        self.by_seed = order == "balanced"

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split."""
        check_fractions(fractions)
        scaffolds = [murcko_scaffold(text) for text in samples.molecules("scaffold")]
        groups = groups_of(numbered(scaffolds))
        if self.order == "size":
            split = _by_size(groups, fractions)
        else:
            split = filled(balanced(groups, seed, fractions), fractions)
        return checked(split, samples, "scaffold", fractions)


def _by_size(groups: Groups, fractions: Fractions) -> Split:
    """Fill the sets as DeepChem and OGB do: the limits are shares of all, and not rounded."""
    count = sum(map(len, groups))
    sets: list[Groups] = [[], [], []]
    train = validation = 0
    for group in sorted(groups, key=lambda group: (len(group), group[0]), reverse=True):
        if train + len(group) <= fractions[0] * count:
            sets[0].append(group)
            train += len(group)
        elif train + validation + len(group) <= (fractions[0] + fractions[1]) * count:
            sets[1].append(group)
            validation += len(group)
        else:
            sets[2].append(group)
    return Split(*map(joined, sets))


@SPLITS.register("butina")
class ButinaSplitter:
    """Whole clusters of similar molecules (Butina, J. Chem. Inf. Comput. Sci. 39, 1999).

    Molecules within the cutoff of a cluster's center belong to it. Above 10,000 molecules, where
    all pairs do not fit in memory, the centers are RDKit's leaders (no two within the cutoff) and
    each molecule goes to its nearest.

    Args:
        cutoff: Tanimoto distance of Morgan fingerprints of radius 2, in (0, 1).
    """

    def __init__(self, cutoff: float = 0.6) -> None:
        if not 0 < cutoff < 1:
            raise BadValueError(f"cutoff: expected a number in (0, 1), got {cutoff}")
        self.cutoff = cutoff

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split."""
        check_fractions(fractions)
        clusters = merged(self._clusters(samples.molecules("butina")), samples.identity)
        groups = balanced(groups_of(clusters), seed, fractions)
        return checked(filled(groups, fractions), samples, "butina", fractions)

    def _clusters(self, canonical: list[str]) -> NDArray[np.int64]:
        from rdkit.DataStructs import BulkTanimotoSimilarity
        from rdkit.ML.Cluster import Butina
        from rdkit.SimDivFilters.rdSimDivPickers import LeaderPicker

        from rnc_graph.data.fingerprints import bit_vectors
        from rnc_graph.data.smiles import parse_smiles

        bits = bit_vectors(map(parse_smiles, canonical))
        cluster = np.empty(len(bits), dtype=np.int64)
        if len(bits) > _LARGEST_BUTINA:
            centers = list(LeaderPicker().LazyBitVectorPick(bits, len(bits), self.cutoff))
            leaders = [bits[center] for center in centers]
            for number, own in enumerate(bits):
                cluster[number] = int(np.argmax(BulkTanimotoSimilarity(own, leaders)))
            return cluster
        similarities = (
            similarity
            for number in range(1, len(bits))
            for similarity in BulkTanimotoSimilarity(bits[number], bits[:number])
        )
        # A list of floats would be four times as large.
        distances = 1 - np.fromiter(similarities, dtype=np.float64)
        found = Butina.ClusterData(  # type: ignore[no-untyped-call]
            distances, len(bits), self.cutoff, isDistData=True
        )
        for number, members in enumerate(found):
            cluster[list(members)] = number
        return cluster


def murcko_scaffold(smiles: str) -> str:
    """Return the canonical SMILES of a molecule's scaffold, "" for one without a ring.

    >>> murcko_scaffold("CCc1ccccc1O")
    'c1ccccc1'
    """
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    from rnc_graph.data.rdkit_log import whole

    scaffold: str = whole(lambda: MurckoScaffoldSmiles(smiles))  # type: ignore[no-untyped-call]
    return scaffold
