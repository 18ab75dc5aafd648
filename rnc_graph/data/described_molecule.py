"""What several descriptors of a molecule share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.rdPartialCharges import ComputeGasteigerCharges

Values = dict[str, Any]
# All that SMARTS asks of an atom, but for ring sizes and recursion; the last are its rings.
AtomKey = tuple[int, ...]
# The atoms of a bond, its order, and whether it is in a ring.
BondKey = tuple[int, int, float, bool]

# By atomic number: electrons of the outer shell, and the period.
OUTER = np.array([Chem.GetPeriodicTable().GetNOuterElecs(z) for z in range(119)])
PERIOD = 1 + np.searchsorted([3, 11, 19, 37, 55, 87], range(119), side="right")
# By the order of a bond, as RDKit's BCUT2D has them; RDKit is left the other bonds.
BURDEN = {1.0: 1.0, 2.0: 2**-0.5, 3.0: 3**-0.5, 1.5: 1.5**-0.5}
_OF_ATOM: tuple[Callable[[Chem.Atom], int], ...] = (
    Chem.Atom.GetAtomicNum,
    Chem.Atom.GetDegree,
    Chem.Atom.GetTotalNumHs,
    Chem.Atom.GetFormalCharge,
    Chem.Atom.GetIsAromatic,
    Chem.Atom.GetTotalValence,
    Chem.Atom.GetIsotope,
)
_OF_BOND: tuple[Callable[[Chem.Bond], float], ...] = (
    Chem.Bond.GetBeginAtomIdx,
    Chem.Bond.GetEndAtomIdx,
    Chem.Bond.GetBondTypeAsDouble,
    Chem.Bond.IsInRing,
)
# RDKit stops at the thousandth match of a pattern.
_MOST_MATCHES = 1_000

# Wildman and Crippen's contributions of hydrogens, by type: H1 to H4, HS.
_OF_HYDROGENS = np.array(
    [(0, 0), (0.123, 1.057), (-0.2677, 1.395), (0.2142, 0.9627), (0.298, 1.805), (0.1125, 1.112)]
)


class DescribedMolecule:
    """What several descriptors of one molecule share."""

    def __init__(self, molecule: Chem.Mol, atoms: list[Chem.Atom], bonds: list[Chem.Bond]) -> None:
        self.rdkit = molecule
        self.charges_are_known = True
        self.atoms, self.bonds = atoms, bonds
        columns = [list(map(ask, self.atoms)) for ask in _OF_ATOM]
        in_rings = map(molecule.GetRingInfo().NumAtomRings, range(len(self.atoms)))
        self.atom_keys: list[AtomKey] = list(zip(*columns, in_rings, strict=True))
        self.bond_keys: list[BondKey] = list(
            zip(*(map(ask, self.bonds) for ask in _OF_BOND), strict=True)
        )
        # (A,) each.
        self.element, self.degree, self.hydrogens, self.charge = np.array(columns[:4])
        ends = np.array([key[:2] for key in self.bond_keys], dtype=np.int64).reshape(-1, 2)
        self.begin, self.end = ends.T
        # Whether all of it is as the descriptors of this package suppose.
        self.is_common = self.element.min() > 1 and all(key[2] in BURDEN for key in self.bond_keys)

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """(A,) Labute's approximate surface areas."""
        return np.array(rdMolDescriptors._CalcLabuteASAContribs(self.rdkit, True)[0])

    @cached_property
    def crippen(self) -> NDArray[np.float64]:
        """(A, 2) Wildman and Crippen's contributions to logP and molar refractivity."""
        return np.array(rdMolDescriptors._CalcCrippenContribs(self.rdkit))

    @cached_property
    def crippen_total(self) -> tuple[float, float]:
        """logP and molar refractivity, hydrogens included."""
        if len(self.atoms) + self.hydrogens.sum() > _MOST_MATCHES:
            return rdMolDescriptors.CalcCrippenDescriptors(self.rdkit)
        types = [_hydrogen_type(atom) if atom.GetTotalNumHs() else 0 for atom in self.atoms]
        of_hydrogens = _OF_HYDROGENS[types].repeat(self.hydrogens, axis=0)
        # One after another, as RDKit adds them.
        logp, refractivity = np.concatenate([self.crippen, of_hydrogens]).cumsum(axis=0)[-1]
        return logp, refractivity

    @cached_property
    def partial_charges(self) -> list[float]:
        """A charges of Gasteiger and Marsili."""
        try:
            ComputeGasteigerCharges(self.rdkit, throwOnParamFailure=True)
        except ValueError:
            self.charges_are_known = False
            ComputeGasteigerCharges(self.rdkit)
        return [atom.GetDoubleProp("_GasteigerCharge") for atom in self.atoms]


def sum_of_neighbors(
    molecule: DescribedMolecule, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each of A atoms the sum of its neighbors' values."""
    atoms, begin, end = len(values), molecule.begin, molecule.end
    sums = np.bincount(begin, values[end], atoms) + np.bincount(end, values[begin], atoms)
    return sums.astype(float)


def in_bins(
    name: str, values: ArrayLike, edges: list[float], weights: NDArray[np.float64]
) -> Values:
    """Return the sum of weights in each bin of the values, numbered from 1."""
    bins = np.searchsorted(edges, values, side="right")
    sums = np.bincount(bins, weights, minlength=len(edges) + 1)
    return {f"{name}{i}": value for i, value in enumerate(sums.tolist(), start=1)}


def _hydrogen_type(atom: Chem.Atom) -> int:
    """Return which of Wildman and Crippen's types an atom's hydrogens have: H1 to H4, 5 for HS."""
    element = atom.GetAtomicNum()
    if element != 8:
        return {6: 1, 7: 3}.get(element, 2)
    types = [2] if atom.GetTotalNumHs() > 1 else []
    for neighbor in atom.GetNeighbors():
        other, aromatic = neighbor.GetAtomicNum(), neighbor.GetIsAromatic()
        if other == 6 and (aromatic or neighbor.GetTotalDegree() == 4):
            types.append(2)
        elif other == 6:
            types += [4] * any(map(_is_polar_double, neighbor.GetBonds()))
        else:
            types.append({7: 3, 8: 4, 16: 4}.get(other, 2))
    return min(types, default=5)


def _is_polar_double(bond: Chem.Bond) -> bool:
    return bond.GetBondTypeAsDouble() == 2 and {
        bond.GetBeginAtom().GetAtomicNum(),
        bond.GetEndAtom().GetAtomicNum(),
    } <= {6, 7, 8, 16}
