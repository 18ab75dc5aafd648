"""Molecules without their salts, solvents and charges, by RDKit's standardizer."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize

from rnc_graph.data.smiles import identity, parse_smiles

# Removing a salt or a charge may make another rule apply; few molecules need a second pass.
_PASSES = 3

# Metals of counterions: an organic salt of one of these is cleaned to its parent.
_COUNTERIONS = frozenset((3, 11, 19, 37, 55, 4, 12, 20, 38, 56))
_NON_METALS = frozenset(
    (0, 1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 32, 33, 34, 35, 36, 51, 52, 53, 54, 85, 86)
)
_SALT_PARTNERS = frozenset((7, 8, 16))


def clean_identity(found: str) -> str:
    """Return the canonical SMILES of the cleaned molecule, without atom maps and isotopes.

    RDKit's cleanup (normalized groups, disconnected metals), then the largest organic fragment,
    then without charges where protons can balance them. Cleaning twice changes no more.

    Args:
        found: the canonical SMILES of a molecule: see ``identity``.

    Raises:
        ValueError: it is no molecule, holds a metal other than an alkaline counterion, or has no
            organic parent; the message is the reason.

    >>> clean_identity("CC(=O)[O-].[Na+]")
    'CC(=O)O'
    """
    for _ in range(_PASSES):
        molecule = parse_smiles(found)
        _check_metals(molecule)
        parent = rdMolStandardize.FragmentParent(rdMolStandardize.Cleanup(molecule))
        if "." in found and not any(atom.GetAtomicNum() == 6 for atom in parent.GetAtoms()):
            raise ValueError(f"cannot be cleaned: {found[:80]!r} has no organic parent")
        parent = rdMolStandardize.Uncharger().uncharge(parent)
        cleaned = identity(parent)
        if cleaned == found:
            break
        found = cleaned
    return found


def _check_metals(molecule: Chem.Mol) -> None:
    for atom in molecule.GetAtoms():
        number = atom.GetAtomicNum()
        if number in _NON_METALS:
            continue
        partners = {neighbor.GetAtomicNum() for neighbor in atom.GetNeighbors()}
        if number not in _COUNTERIONS or not partners <= _SALT_PARTNERS:
            raise ValueError(f"cannot be cleaned: it holds the metal {atom.GetSymbol()}")
        if molecule.GetNumAtoms() == 1:
            raise ValueError(f"cannot be cleaned: {atom.GetSymbol()} has no organic parent")
