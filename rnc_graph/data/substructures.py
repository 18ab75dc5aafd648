"""Which of many SMARTS patterns a molecule may contain, by the bonds that it has.

A search for a pattern takes RDKit some microseconds even where nothing is found. A pattern can only
match where each of its bonds, taken alone, matches some bond; which bonds match depends on a few
properties of the two atoms, and is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from rnc_graph.data.described_molecule import AtomKey, BondKey, DescribedMolecule

# More are forgotten: a molecule has some ten, a large library some thousands.
_MOST_BONDS = 100_000
# Of a pattern, to bound the choices of its recursive parts.
_MOST_WAYS = 8


class SubstructureScreen:
    """Necessary conditions for P patterns to match a molecule.

    Recursive parts of a pattern that are not required are taken to match.
    """

    def __init__(self, patterns: Sequence[Chem.Mol]) -> None:
        # RDKit's atoms and bonds live as long as their molecule.
        self._kept: list[Chem.Mol] = []
        # Queries of single atoms and of bonds (with the queries of their ends), without doubles.
        self._atoms: dict[tuple[str, int, int], tuple[int, Chem.Atom]] = {}
        self._bonds: dict[tuple[int, str, bool, int], tuple[int, Chem.Bond]] = {}
        parts = [(i, *self._parts(way)) for i, p in enumerate(patterns) for way in _ways(p)]
        # Bit i stands for bond query i, and after them for atom queries.
        shift = len(self._bonds)
        self._needed = [
            (i, sum(1 << bond for bond in bonds) | sum(1 << shift + atom for atom in atoms))
            for i, bonds, atoms in parts
        ]
        ends = np.array([(begin, end) for begin, _, _, end in self._bonds]).reshape(-1, 2)
        self._begins, self._ends = ends.T
        # The index of a kind of atom, and the atom queries that it matches; those that a bond does.
        self._of_atom: dict[AtomKey, tuple[int, int]] = {}
        self._matched: list[NDArray[np.bool_]] = []
        self._of_bond: dict[BondKey, int] = {}

    def possible(self, molecule: DescribedMolecule) -> set[int]:
        """Return the indices of the patterns that may match; one that does is never missed."""
        of_atom, of_bond = self._of_atom, self._of_bond
        known = [
            of_atom.get(key) or self._new_atom(atom, key)
            for atom, key in zip(molecule.atoms, molecule.atom_keys, strict=True)
        ]
        found = 0
        for _, mask in known:
            found |= mask
        if len(of_bond) > _MOST_BONDS:
            of_bond.clear()
        for bond, (begin, end, order, ring) in zip(molecule.bonds, molecule.bond_keys, strict=True):
            key = (known[begin][0], known[end][0], order, ring)
            mask = of_bond.get(key, -1)
            found |= mask if mask >= 0 else self._new_bond(bond, key)
        absent = ~found
        return {i for i, needed in self._needed if not needed & absent}

    def _parts(self, way: list[str]) -> tuple[set[int], set[int]]:
        """Return the bond queries of some patterns, and the queries of atoms without bonds."""
        bonds, alone = set(), set()
        for smarts in way:
            pattern = Chem.MolFromSmarts(smarts)
            Chem.FastFindRings(pattern)
            self._kept.append(pattern)
            atoms = []
            for atom in pattern.GetAtoms():
                # What it matches has as many bonds, and in as many rings: three bonds are in two.
                in_rings = sum(map(Chem.Bond.IsInRing, atom.GetBonds()))
                key = (atom.GetSmarts(), atom.GetDegree(), in_rings // 2 + in_rings % 2)
                atoms.append(self._atoms.setdefault(key, (len(self._atoms), atom))[0])
                alone |= {atoms[-1]} if atom.GetDegree() == 0 else set()
            for bond in pattern.GetBonds():
                begin, end = atoms[bond.GetBeginAtomIdx()], atoms[bond.GetEndAtomIdx()]
                bond_key = (begin, bond.DescribeQuery(), bond.IsInRing(), end)
                bonds.add(self._bonds.setdefault(bond_key, (len(self._bonds), bond))[0])
        return bonds, alone

    def _new_atom(self, atom: Chem.Atom, key: AtomKey) -> tuple[int, int]:
        degree, rings = atom.GetDegree(), key[-1]
        matched = [
            degree >= least_degree and rings >= least_rings and query.Match(atom)
            for (_, least_degree, least_rings), (_, query) in self._atoms.items()
        ]
        self._matched.append(np.array(matched, dtype=bool))
        mask = sum(1 << (len(self._bonds) + i) for i, match in enumerate(matched) if match)
        self._of_atom[key] = found = (len(self._of_atom), mask)
        return found

    def _new_bond(self, bond: Chem.Bond, key: BondKey) -> int:
        one, other = self._matched[key[0]], self._matched[key[1]]
        ends = (one[self._begins] & other[self._ends]) | (other[self._begins] & one[self._ends])
        mask = 0
        for (_, _, in_ring, _), (i, query) in self._bonds.items():
            if ends[i] and bond.IsInRing() >= in_ring and query.Match(bond):
                mask |= 1 << i
        self._of_bond[key] = mask
        return mask


def _ways(pattern: Chem.Mol) -> list[list[str]]:
    """Return lists of patterns without recursion: where this one matches, all of some list do."""

    def of(smarts: str) -> list[list[str]]:
        ways = [[_without_recursion(smarts)]]
        for atom in _bracketed(smarts):
            for both in _split(atom, ";"):
                parts = [_recursive_part(either) for either in _split(both, ",")]
                more = [way for part in parts for way in of(part)] if all(parts) else []
                if 0 < len(ways) * len(more) <= _MOST_WAYS:
                    ways = [one + other for one in ways for other in more]
        return ways

    return of(Chem.MolToSmarts(pattern))


def _bracketed(smarts: str) -> Iterator[str]:
    """Return what is in the brackets of each atom that has some."""
    depth = begin = 0
    for i, letter in enumerate(smarts):
        if letter == "[":
            begin = begin if depth else i + 1
            depth += 1
        elif letter == "]":
            depth -= 1
            if depth == 0:
                yield smarts[begin:i]


def _recursive_part(smarts: str) -> str:
    """Return the pattern that an atom must start, or an empty text."""
    for text in _split(smarts, "&"):
        if text.startswith("$(") and _closing(text, 1) == len(text) - 1:
            return text[2:-1]
    return ""


def _without_recursion(smarts: str) -> str:
    """Put what matches all atoms in place of each recursive part."""
    while (begin := smarts.find("$(")) >= 0:
        end = _closing(smarts, begin + 1)
        smarts = smarts[:begin].removesuffix("!") + "*" + smarts[end + 1 :]
    return smarts


def _closing(text: str, opening: int) -> int:
    """Return the index of the parenthesis that closes the one at an index."""
    depth = 0
    for i in range(opening, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    raise ValueError(f"no closing parenthesis in {text!r}")


def _split(text: str, separator: str) -> Iterator[str]:
    """Split a text where a separator is in no parentheses or brackets."""
    begin = depth = 0
    for i, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == separator and depth == 0:
            yield text[begin:i]
            begin = i + 1
    yield text[begin:]
