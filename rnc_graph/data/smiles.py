"""From SMILES to molecules: parsing with a reason for each failure, and what identifies a molecule.

Worker processes load this file and little else: RDKit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rdkit import Chem

from rnc_graph.data.rdkit_log import quiet

# Longer texts are refused: RDKit's time grows faster than the length.
LONGEST_SMILES = 10_000

# Of an atom in brackets: [13C], [CH3:1].
_MAP_OR_ISOTOPE = re.compile(r"\[\d|:\d+\]")


@dataclass(frozen=True)
class BadMolecule:
    """A SMILES that gives no graph: its row (from 0), its text, and the reason."""

    row: int
    smiles: str
    reason: str


def parse_smiles(smiles: str) -> Chem.Mol:
    """Parse one SMILES, without RDKit's messages.

    Raises:
        ValueError: it is no molecule; the message is the reason.
    """
    with quiet():
        return parse(smiles)


def parse(smiles: Any) -> Chem.Mol:
    """Parse one SMILES; RDKit writes its messages, unless they are held back.

    Raises:
        ValueError: it is no molecule; the message is the reason.
    """
    if not isinstance(smiles, str):
        raise ValueError(f"no text, but {type(smiles).__name__}")
    if not smiles.isascii() or "\0" in smiles:
        odd = next(letter for letter in smiles if not letter.isascii() or letter == "\0")
        raise ValueError(f"not a valid SMILES: it holds the character {odd!r}")
    smiles = smiles.strip()
    if not smiles:
        raise ValueError("no SMILES")
    if len(parts := smiles.split(maxsplit=1)) > 1:
        # RDKit would take what follows for a name, and read the first part alone.
        raise ValueError(f"not a valid SMILES: {parts[1][:40]!r} follows after a blank")
    if len(smiles) > LONGEST_SMILES:
        raise ValueError(f"{len(smiles):,} characters, more than {LONGEST_SMILES:,}")
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is not None and molecule.GetNumAtoms() > 0:
        return molecule
    if molecule is not None:
        raise ValueError("no atoms")
    unchecked = Chem.MolFromSmiles(smiles, sanitize=False)
    if unchecked is None and smiles.count(">") == 2:
        raise ValueError("a reaction, not a molecule")
    if unchecked is None:
        raise ValueError("not a valid SMILES")
    try:
        Chem.SanitizeMol(unchecked)
    except ValueError as reason:
        raise ValueError(str(reason)) from None
    raise ValueError("not a valid molecule")


def atoms_of(molecule: Chem.Mol) -> list[Chem.Atom]:
    """Return all atoms, twice as fast as ``GetAtoms``."""
    return list(map(molecule.GetAtomWithIdx, range(molecule.GetNumAtoms())))


def bonds_of(molecule: Chem.Mol) -> list[Chem.Bond]:
    """Return all bonds, twice as fast as ``GetBonds``."""
    return list(map(molecule.GetBondWithIdx, range(molecule.GetNumBonds())))


def identity(molecule: Chem.Mol) -> str:
    """Return what identifies a molecule: its canonical SMILES without atom maps and isotopes."""
    written = Chem.MolToSmiles(molecule)
    if not _MAP_OR_ISOTOPE.search(written):
        return written
    molecule = Chem.Mol(molecule)
    for atom in atoms_of(molecule):
        atom.SetAtomMapNum(0)
        atom.SetIsotope(0)
    # Parsing anew makes deuterium an implicit hydrogen, and drops the stereocenters it made.
    return Chem.MolToSmiles(reparsed(Chem.MolToSmiles(molecule)))


def canonical_smiles(smiles: str) -> str:
    """Return the identity of a SMILES: see :func:`identity`.

    Raises:
        ValueError: it is no molecule; the message is the reason.

    >>> canonical_smiles("[CH3:1][13CH2:2]O[2H]")
    'CCO'
    """
    with quiet():
        return identity(parse(smiles))


def reparsed(canonical: str) -> Chem.Mol:
    """Parse a SMILES that RDKit wrote."""
    molecule = Chem.MolFromSmiles(canonical)
    if molecule is None:
        raise ValueError(f"RDKit cannot read its canonical SMILES {canonical[:80]!r}")
    return molecule
