"""From SMILES to integer features: the scheme of the Open Graph Benchmark.

Nine features an atom and three a bond, each an index into a short list of values (Hu et al., "Open
Graph Benchmark", NeurIPS 2020, arXiv 2005.00687; ``ogb.utils.features``). One index beyond each
list is the mask of :class:`rnc_graph.data.views.MaskAttributes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem.rdchem import BondStereo, BondType, ChiralType, HybridizationType

from rnc_graph.data.packed import PackedGraphs

# Changes whenever the same SMILES would give other features: caches are keyed by it.
FEATURISER = "ogb-1"

ATOM_FEATURE_SIZES = (119, 5, 12, 12, 10, 6, 6, 2, 2)
BOND_FEATURE_SIZES = (5, 6, 2)

_CHIRALITY = {
    ChiralType.CHI_UNSPECIFIED: 0,
    ChiralType.CHI_TETRAHEDRAL_CW: 1,
    ChiralType.CHI_TETRAHEDRAL_CCW: 2,
    ChiralType.CHI_OTHER: 3,
}
_HYBRIDIZATION = {
    HybridizationType.SP: 0,
    HybridizationType.SP2: 1,
    HybridizationType.SP3: 2,
    HybridizationType.SP3D: 3,
    HybridizationType.SP3D2: 4,
}
_BOND_TYPE = {
    BondType.SINGLE: 0,
    BondType.DOUBLE: 1,
    BondType.TRIPLE: 2,
    BondType.AROMATIC: 3,
}
_BOND_STEREO = {
    BondStereo.STEREONONE: 0,
    BondStereo.STEREOZ: 1,
    BondStereo.STEREOE: 2,
    BondStereo.STEREOCIS: 3,
    BondStereo.STEREOTRANS: 4,
    BondStereo.STEREOANY: 5,
}


@dataclass(frozen=True)
class BadMolecule:
    """A SMILES that gives no graph: its row (from 0), its text, and the reason."""

    row: int
    smiles: str
    reason: str


def _small(value: int, largest: int) -> int:
    """Return ``value``, or ``largest`` ("misc") where it lies outside 0 .. largest - 1."""
    return value if 0 <= value < largest else largest


def _atom_features(atom: Chem.Atom) -> tuple[int, ...]:
    return (
        # Element 1 has index 0; what is no element (a dummy atom) is "misc".
        _small(atom.GetAtomicNum() - 1, 118),
        _CHIRALITY.get(atom.GetChiralTag(), 4),
        _small(atom.GetTotalDegree(), 11),
        _small(atom.GetFormalCharge() + 5, 11),
        _small(atom.GetTotalNumHs(), 9),
        _small(atom.GetNumRadicalElectrons(), 5),
        _HYBRIDIZATION.get(atom.GetHybridization(), 5),
        int(atom.GetIsAromatic()),
        int(atom.IsInRing()),
    )


def _bond_features(bond: Chem.Bond) -> tuple[int, int, int]:
    return (
        _BOND_TYPE.get(bond.GetBondType(), 4),
        _BOND_STEREO.get(bond.GetStereo(), 5),
        int(bond.GetIsConjugated()),
    )


def parse_smiles(smiles: str) -> Chem.Mol:
    """Parse one SMILES, without RDKit's messages.

    Raises:
        ValueError: it is empty or no molecule; the message is the reason.
    """
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is not None and molecule.GetNumAtoms() > 0:
            return molecule
        if molecule is not None:
            raise ValueError("no atoms")
        unchecked = Chem.MolFromSmiles(smiles, sanitize=False)
        if unchecked is None:
            raise ValueError("not a valid SMILES")
        try:
            Chem.SanitizeMol(unchecked)
        except ValueError as reason:
            raise ValueError(str(reason)) from None
        raise ValueError("not a valid molecule")


def featurise(smiles: Sequence[str]) -> tuple[PackedGraphs, list[BadMolecule]]:
    """Turn N SMILES into packed graphs; a bad one becomes an empty graph and is named.

    Rows stay aligned: graph i is SMILES i. The two directions of bond b of the whole set are its
    directed edges 2b and 2b + 1.
    """
    atoms: list[tuple[int, ...]] = []
    bonds: list[tuple[int, ...]] = []
    ends: list[tuple[int, int]] = []
    atom_counts: list[int] = []
    bond_counts: list[int] = []
    bad: list[BadMolecule] = []
    for row, text in enumerate(smiles):
        try:
            molecule = parse_smiles(text)
        except ValueError as reason:
            bad.append(BadMolecule(row, text, str(reason)))
            atom_counts.append(0)
            bond_counts.append(0)
            continue
        atoms.extend(map(_atom_features, molecule.GetAtoms()))
        for bond in molecule.GetBonds():
            bonds.append(_bond_features(bond))
            ends.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        atom_counts.append(molecule.GetNumAtoms())
        bond_counts.append(molecule.GetNumBonds())

    atom_table = np.array(atoms, dtype=np.uint8).reshape(-1, len(ATOM_FEATURE_SIZES))
    bond_table = np.array(bonds, dtype=np.uint8).reshape(-1, len(BOND_FEATURE_SIZES))
    forward = np.array(ends, dtype=np.int32).reshape(-1, 2)
    both_directions = np.stack([forward, forward[:, ::-1]], axis=1).reshape(-1, 2).T
    return (
        PackedGraphs(
            atoms=torch.from_numpy(atom_table),
            edge_index=torch.from_numpy(np.ascontiguousarray(both_directions)),
            bonds=torch.from_numpy(np.repeat(bond_table, 2, axis=0)),
            atom_offsets=_offsets(atom_counts),
            edge_offsets=_offsets([2 * count for count in bond_counts]),
        ),
        bad,
    )


def _offsets(counts: list[int]) -> torch.Tensor:
    return torch.tensor([0, *counts]).cumsum(0)
