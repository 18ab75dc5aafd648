"""From SMILES to arrays: integer features of atoms and bonds, descriptors, fingerprints.

The features follow the Open Graph Benchmark: nine per atom and three per bond, each an index into a
short list of values (Hu et al., "Open Graph Benchmark", NeurIPS 2020, arXiv 2005.00687;
``ogb.utils.features``), but for stereochemistry: OGB's tags (clockwise, counterclockwise) depend on
the order in which a SMILES happens to name the neighbors, CIP labels (R, S, E, Z) do not.

Everything is computed from the molecule's identity, its canonical SMILES without atom maps and
isotopes: however a molecule is written, its features, and their order, are the same.

Worker processes load this file and little else: RDKit and numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdCIPLabeler
from rdkit.Chem.rdchem import BondStereo, BondType, ChiralType, HybridizationType

from rnc_graph.data.fingerprints import BITS, as_matrices, counted, packed_bits
from rnc_graph.data.rdkit_log import whole
from rnc_graph.data.smiles import BadMolecule, atoms_of, bonds_of, identity, parse, reparsed
from rnc_graph.seeding import one_thread

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Changes whenever the same SMILES would give other features: caches are keyed by it, and a model
# keeps the version that it was trained with.
FEATURIZER: Final = "ogb-3"
# Atoms in the order of the SMILES, stereochemistry as OGB's tags: for models that were trained so.
AS_WRITTEN: Final = "ogb-2"
# Likewise for the rounding errors of descriptors, for caches alone.
DESCRIPTORS: Final = 2

ATOM_FEATURE_SIZES = (119, 5, 12, 12, 10, 6, 6, 2, 2)
BOND_FEATURE_SIZES = (5, 6, 2)

# Molecules that are featurized at a time: one by one takes up to twice as long, since what is
# computed of each fills the processor's caches anew.
TOGETHER = 32

# Steps of the CIP labeler within one molecule; symmetric cages would take any number.
_MOST_CIP_STEPS = 100_000


def _table(*known: Any, misc: int) -> NDArray[np.uint8]:
    """Return the index among the known ones of each value of an RDKit enumeration."""
    kind, indices = type(known[0]), {value: index for index, value in enumerate(known)}
    # Its values are small numbers.
    found = [indices.get(kind.values.get(value), misc) for value in range(max(kind.values) + 1)]
    return np.array(found, dtype=np.uint8)


_CHIRALITY = _table(
    ChiralType.CHI_UNSPECIFIED,
    ChiralType.CHI_TETRAHEDRAL_CW,
    ChiralType.CHI_TETRAHEDRAL_CCW,
    ChiralType.CHI_OTHER,
    misc=4,
)
_HYBRIDIZATION = _table(
    HybridizationType.SP,
    HybridizationType.SP2,
    HybridizationType.SP3,
    HybridizationType.SP3D,
    HybridizationType.SP3D2,
    misc=5,
)
_BOND_TYPE = _table(BondType.SINGLE, BondType.DOUBLE, BondType.TRIPLE, BondType.AROMATIC, misc=4)
_BOND_STEREO = _table(
    BondStereo.STEREONONE,
    BondStereo.STEREOZ,
    BondStereo.STEREOE,
    BondStereo.STEREOCIS,
    BondStereo.STEREOTRANS,
    BondStereo.STEREOANY,
    misc=5,
)

# Small letters label pseudoasymmetric centers, such as those of a ring with cis and trans forms.
_CIP = {"R": 1, "S": 2, "r": 3, "s": 4}


# Asked of all atoms of a molecule, one after another: calls of RDKit without a line of Python.
_OF_ATOM: tuple[Callable[[Chem.Atom], Any], ...] = (
    Chem.Atom.GetAtomicNum,
    Chem.Atom.GetTotalDegree,
    Chem.Atom.GetFormalCharge,
    Chem.Atom.GetTotalNumHs,
    Chem.Atom.GetNumRadicalElectrons,
    Chem.Atom.GetHybridization,
    Chem.Atom.GetIsAromatic,
    Chem.Atom.IsInRing,
)
_OF_BOND: tuple[Callable[[Chem.Bond], Any], ...] = (
    Chem.Bond.GetBondType,
    Chem.Bond.GetStereo,
    Chem.Bond.GetIsConjugated,
    Chem.Bond.GetBeginAtomIdx,
    Chem.Bond.GetEndAtomIdx,
)


@dataclass(frozen=True)
class FeaturizerConfig:
    """What is computed of each molecule beside its graph.

    Attributes:
        descriptors: RDKit's two-dimensional descriptors.
        fingerprints: Morgan fingerprints.
        canonical: the canonical SMILES without atom maps and isotopes.
        clean: take the molecules without salts, solvents and charges.
        bounded: refuse molecules that are too large for fingerprints of pairs of atoms, as for
            descriptors.
        featurizer: version of the features, ``FEATURIZER`` or ``AS_WRITTEN``.
    """

    descriptors: bool = False
    fingerprints: bool = False
    canonical: bool = False
    clean: bool = False
    bounded: bool = False
    featurizer: Literal["ogb-2", "ogb-3"] = FEATURIZER


@dataclass(frozen=True)
class MoleculeArrays:
    """Flat arrays of n molecules, end to end; a bad one has no atoms.

    Attributes:
        atoms: (A, 9) uint8.
        ends: (E, 2) int32 ends of the directed edges, counted from 0 within each molecule; the two
            directions of a bond stand side by side.
        bonds: (E, 3) uint8, of the directed edges.
        atom_counts: (n,) int32.
        edge_counts: (n,) int32.
        descriptors: (n, D) float64, NaN where not defined; D = 0 where not wanted.
        fingerprints: (n, 256) uint8 packed bits; (n, 0) where not wanted.
        canonical: n canonical SMILES, "" for a bad one; none where not wanted.
        bad: those that cannot be read, by row from 0.
        counts: (n, 4096) counts of substructures, by fingerprint; see ``fingerprint_counts``.
    """

    atoms: NDArray[np.uint8]
    ends: NDArray[np.int32]
    bonds: NDArray[np.uint8]
    atom_counts: NDArray[np.int32]
    edge_counts: NDArray[np.int32]
    descriptors: NDArray[np.float64]
    fingerprints: NDArray[np.uint8]
    canonical: list[str]
    bad: list[BadMolecule]
    counts: dict[str, csr_array] = field(default_factory=dict)


_ARRAYS = ("atoms", "ends", "bonds", "atom_counts", "edge_counts", "descriptors", "fingerprints")


def _chirality(
    molecule: Chem.Mol, atoms: Sequence[Chem.Atom], config: FeaturizerConfig
) -> list[int]:
    """Return the chirality of each atom: its tag if as written, otherwise its CIP label.

    Hanson et al., "Algorithmic Analysis of Cahn-Ingold-Prelog Rules", J. Chem. Inf. Model. 58,
    2018.
    """
    tags = list(map(int, map(Chem.Atom.GetChiralTag, atoms)))
    if config.featurizer == AS_WRITTEN:
        return [int(index) for index in _CHIRALITY[tags]]
    if not any(tags):
        return [0] * len(atoms)
    with suppress(RuntimeError):  # Too symmetric: the labels that parsing gave remain.
        rdCIPLabeler.AssignCIPLabels(molecule, maxRecursiveIterations=_MOST_CIP_STEPS)
    return [
        _CIP.get(atom.GetProp("_CIPCode"), 0) if atom.HasProp("_CIPCode") else 0 for atom in atoms
    ]


def _or_misc(values: NDArray[np.int64], misc: int) -> NDArray[np.int64]:
    """Return the values, with ``misc`` for those outside 0 .. misc - 1."""
    return np.where((values >= 0) & (values < misc), values, misc)


def _atom_features(columns: list[list[int]], chirality: list[int]) -> NDArray[np.uint8]:
    """Return the (A, 9) features of A atoms."""
    asked = [np.array(column, dtype=np.int64) for column in columns]
    element, degree, charge, hydrogens, radical, hybridization, aromatic, ring = asked
    features = (
        # Element 1 has index 0; what is no element (a dummy atom) is "misc".
        _or_misc(element - 1, 118),
        np.array(chirality, dtype=np.int64),
        _or_misc(degree, 11),
        _or_misc(charge + 5, 11),
        _or_misc(hydrogens, 9),
        _or_misc(radical, 5),
        _HYBRIDIZATION[hybridization],
        aromatic,
        ring,
    )
    return np.stack(features, axis=1).astype(np.uint8)


def molecule_arrays(
    smiles: Sequence[str], config: FeaturizerConfig, counts: Sequence[str] = ()
) -> MoleculeArrays:
    """Compute what is wanted of n SMILES, and counts by fingerprint; rows stay aligned."""
    starts = range(0, max(1, len(smiles)), TOGETHER)  # Of no SMILES, too.
    few = [whole(partial(_few, smiles[i : i + TOGETHER], config, counts)) for i in starts]
    parts = [arrays for arrays, _ in few]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    return MoleculeArrays(
        **arrays,
        canonical=[text for part in parts for text in part.canonical],
        bad=[
            replace(bad, row=first + bad.row)
            for first, part in zip(starts, parts, strict=True)
            for bad in part.bad
        ],
        counts=as_matrices({name: [row for _, own in few for row in own[name]] for name in counts}),
    )


def _few(
    smiles: Sequence[str], config: FeaturizerConfig, counts: Sequence[str]
) -> tuple[MoleculeArrays, dict[str, list[dict[int, int]]]]:
    """Return what is wanted of a few SMILES, and their counts by bin."""
    n = len(smiles)
    molecules: dict[int, Chem.Mol] = {}
    canonical = [""] * n
    bad: list[BadMolecule] = []
    with one_thread():
        for row, text in enumerate(smiles):
            try:
                molecules[row], canonical[row] = _molecule(text, config)
            except ValueError as reason:
                bad.append(BadMolecule(row, str(text), str(reason)))
        rows, good = list(molecules), list(molecules.values())
        own_atoms, own_bonds = list(map(atoms_of, good)), list(map(bonds_of, good))
        chirality: list[int] = []
        for molecule, own in zip(good, own_atoms, strict=True):
            chirality.extend(_chirality(molecule, own, config))
        descriptors = np.full((n, len(descriptor_names()) if config.descriptors else 0), np.nan)
        if config.descriptors and good:
            from rnc_graph.data.descriptors import descriptors as described

            descriptors[rows] = described(good, own_atoms, own_bonds)
        fingerprints = np.zeros((n, BITS // 8 if config.fingerprints else 0), dtype=np.uint8)
        if config.fingerprints and good:
            fingerprints[rows] = packed_bits(good)
        atoms = [list(map(ask, chain.from_iterable(own_atoms))) for ask in _OF_ATOM]
        bonds = [list(map(ask, chain.from_iterable(own_bonds))) for ask in _OF_BOND]
        counts_of = counted(map(molecules.get, range(n)), counts)
    atom_counts, edge_counts = np.zeros((2, n), dtype=np.int32)
    atom_counts[rows] = list(map(len, own_atoms))
    edge_counts[rows] = [2 * len(own) for own in own_bonds]
    kind, stereo, conjugated, begin, end = (np.array(c, dtype=np.int64) for c in bonds)
    bond_features = np.stack([_BOND_TYPE[kind], _BOND_STEREO[stereo], conjugated], axis=1)
    both_ways = np.stack([begin, end, end, begin], axis=1).reshape(-1, 2)
    arrays = MoleculeArrays(
        atoms=_atom_features(atoms, chirality),
        ends=both_ways.astype(np.int32),
        bonds=np.repeat(bond_features.astype(np.uint8), 2, axis=0),
        atom_counts=atom_counts,
        edge_counts=edge_counts,
        descriptors=descriptors,
        fingerprints=fingerprints,
        canonical=canonical if config.canonical else [],
        bad=bad,
    )
    return arrays, counts_of


@cache
def descriptor_names() -> list[str]:
    """Return the names of the D descriptors of this version of RDKit, in order."""
    from rdkit.Chem import Descriptors

    return [name for name, _ in Descriptors._descList]


def _molecule(text: str, config: FeaturizerConfig) -> tuple[Chem.Mol, str]:
    """Return the molecule of a SMILES and its identity; raises ``ValueError``."""
    molecule = parse(text)
    identifier = identity(molecule)
    if config.clean:
        from rnc_graph.data.cleaning import clean_identity

        identifier = clean_identity(identifier)
    if config.featurizer != AS_WRITTEN and identifier != text:
        molecule = reparsed(identifier)
    if config.descriptors or config.bounded:
        from rnc_graph.data.descriptors import check_describable

        check_describable(molecule)
    return molecule, identifier
