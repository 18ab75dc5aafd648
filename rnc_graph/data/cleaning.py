"""Molecules without their salts, solvents and charges, by RDKit's standardizer."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from rnc_graph.data.featurizer import parse_smiles

# Taking away a salt or a charge may bring another rule to bear; few molecules need a second pass.
_PASSES = 3


def clean_smiles(smiles: str, *, tautomer: bool = False) -> str:
    """Return the canonical SMILES of the cleaned molecule.

    RDKit's cleanup (normalized groups, disconnected metals), then the largest organic fragment,
    then without charges where protons can balance them. Cleaning twice changes no more.

    Args:
        smiles: of a molecule.
        tautomer: take the canonical tautomer too; slow.

    Raises:
        ValueError: it is no molecule; the message is the reason.

    >>> clean_smiles("CC(=O)[O-].[Na+]")
    'CC(=O)O'
    """
    molecule = parse_smiles(smiles)
    found = Chem.MolToSmiles(molecule)
    with rdBase.BlockLogs():
        for _ in range(_PASSES):
            parent = rdMolStandardize.FragmentParent(rdMolStandardize.Cleanup(molecule))
            molecule = rdMolStandardize.Uncharger().uncharge(parent)
            if tautomer:
                molecule = rdMolStandardize.CanonicalTautomer(molecule)
            cleaned = Chem.MolToSmiles(molecule)
            if cleaned == found:
                break
            found = cleaned
            molecule = parse_smiles(cleaned)
    return found


def clean_all(smiles: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return N cleaned SMILES, and the rows (from 0) of the molecules that were changed.

    One that cannot be read, or cleaned, stays as it is.
    """
    cleaned, changed = [], []
    for row, text in enumerate(smiles):
        try:
            result = clean_smiles(text)
            if result != Chem.MolToSmiles(parse_smiles(text)):
                changed.append(row)
        except ValueError:
            result = text
        cleaned.append(result)
    return cleaned, changed
