import csv
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors

from rnc_graph.data import load_dataset
from rnc_graph.data.described_molecule import DescribedMolecule
from rnc_graph.data.descriptors import _patterns, descriptors
from rnc_graph.data.smiles import atoms_of, bonds_of

rdkits: Any = Descriptors.CalcMolDescriptors
SETS = ["esol", "freesolv", "lipophilicity", "logbb", "photoswitch"]
PEPTIDES = ["GAV", "ACDEFG", "WYKRH", "P", "CYIQNCPLG", "ACDEFGHIKLMNP"]
ODD = [
    "C",
    "O",
    "[H][H]",
    "*CC",
    "N#N",
    "[2H]C",
    "CC#CC",
    "[Fe]",
    "C[Hg]C",
    "C[Se]C",
    "[BH4-].[Na+]",
    "[Na+].[Cl-]",
    "[C-]#[O+]",
    "CC(=O)[O-].[Na+]",
    "[NH3]->[Cu]",
    "Cl[Pt](Cl)(N)N",
    "[Zn+2].[O-]C(=O)C.[O-]C(=O)C",
    "C[Sn](C)(C)C",
    "[Mo]$[Mo]",
    "F[P-](F)(F)(F)(F)F",
    "F/C=C/F",
    "CC=C=CC",
    "ON=C",
    "O[n]1cccc1",
    "OO",
    "OS(=O)(=O)O",
    "OC(=O)N",
    "C1CC1.C1CCC1",
    "C12C3C4C1C5C2C3C45",
    "C12CC1C2",
    "C1C2CC1C2",
    "c1ccc2c(c1)C1CC1C2",
    "C1CC2CCC1CC2",
    "c1ccc2cc3ccccc3cc2c1",
    "C[N+](C)(C)CC([O-])=O",
    "CC(C)(C)C(C)(C)C(C)(C)C",
]


def sample(step: int) -> list[str]:
    """Return every so many molecules of the data sets, and all peptides and odd molecules."""
    smiles = [text for name in SETS for text in load_dataset(name).smiles[::step]]
    if (package := find_spec("MoleculeACE")) and package.origin:
        table = Path(package.origin).parent / "Data/benchmark_data/CHEMBL234_Ki.csv"
        rows = csv.DictReader(table.read_text().splitlines())
        smiles += [row["smiles"] for row in rows][::step]
    smiles += [Chem.MolToSmiles(Chem.MolFromSequence(letters)) for letters in PEPTIDES]
    return [*smiles, *ODD]


def assert_are_rdkits(smiles: list[str]) -> None:
    with rdBase.BlockLogs():
        found = descriptors([Chem.MolFromSmiles(text) for text in smiles])
        for text, own in zip(smiles, found, strict=True):
            expected = rdkits(Chem.MolFromSmiles(text), np.nan).values()
            np.testing.assert_allclose(
                own, [*map(float, expected)], rtol=1e-9, atol=1e-12, err_msg=text
            )


@pytest.mark.slow
def test_values_are_rdkits() -> None:
    assert_are_rdkits(sample(120))


# Every 16th molecule; all of them with RNC_GRAPH_DESCRIPTORS=1.
@pytest.mark.slow
def test_values_of_many_molecules_are_rdkits() -> None:
    smiles = sample(int(os.environ.get("RNC_GRAPH_DESCRIPTORS", "16")))
    assert len(smiles) >= 500
    assert_are_rdkits(smiles)


def test_no_substructure_is_passed_over() -> None:
    patterns, screen = _patterns()
    for text in sample(60):
        own = Chem.MolFromSmiles(text)
        molecule = DescribedMolecule(own, atoms_of(own), bonds_of(own))
        possible = screen.possible(molecule)
        found = {i for i, (_, p) in enumerate(patterns) if molecule.rdkit.HasSubstructMatch(p)}
        assert found <= possible
