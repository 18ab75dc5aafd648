import pytest

from rnc_graph.data import MoleculeTable
from rnc_graph.data.cleaning import clean_identity
from rnc_graph.data.featurizer import FeaturizerConfig, molecule_arrays
from rnc_graph.data.smiles import identity, parse_smiles


@pytest.mark.parametrize(
    ("smiles", "cleaned"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)O"),
        ("CC(=O)[O-].CC(=O)[O-].[Ca+2]", "CC(=O)O"),
        ("CCO", "CCO"),
        ("C[N+](C)(C)CC([O-])=O", "C[N+](C)(C)CC(=O)[O-]"),  # A zwitterion stays one.
        ("O.CCN.Cl", "CCN"),
        ("CC(=O)O[Na]", "CC(=O)O"),
        ("C[N+](=O)[O-]", "C[N+](=O)[O-]"),
        ("[CH3:1][CH2:2][NH3+:3].[Cl-]", "CCN"),
        ("O", "O"),
        ("NN", "NN"),
        ("C[Si](C)(C)O", "C[Si](C)(C)O"),
    ],
)
def test_salts_and_charges_go(smiles: str, cleaned: str) -> None:
    assert clean_identity(identity(parse_smiles(smiles))) == cleaned
    assert clean_identity(cleaned) == cleaned


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("N[Pt](N)(Cl)Cl", "the metal Pt"),
        ("[NH3].[NH3].[Cl-].[Cl-].[Pt+2]", "the metal Pt"),
        ("CC(=O)[O-].CC(=O)[O-].[Zn+2]", "the metal Zn"),
        ("C[Mg]Br", "the metal Mg"),
        ("[Li]CCCC", "the metal Li"),
        ("C[Hg]C", "the metal Hg"),
        ("[Na+].[Cl-]", "no organic parent"),
        ("[NH4+].[Cl-]", "no organic parent"),
        ("[Na+]", "no organic parent"),
        ("[K+].[OH-]", "no organic parent"),
    ],
)
def test_a_complex_or_an_inorganic_salt_is_refused(smiles: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        clean_identity(identity(parse_smiles(smiles)))


def test_cleaning_twice_changes_no_more(esol: MoleculeTable) -> None:
    config = FeaturizerConfig(canonical=True, clean=True)
    once = molecule_arrays([*esol.smiles[:150], "C(", "CC(=O)[O-].[Na+]"], config)
    assert [bad.row for bad in once.bad] == [150]
    assert once.canonical[151] == "CC(=O)O"
    assert molecule_arrays(once.canonical, config).canonical == once.canonical


def test_features_of_a_salt_are_those_of_its_parent() -> None:
    config = FeaturizerConfig(descriptors=True, clean=True)
    salt, parent = (molecule_arrays([s], config) for s in ("CCCCCCCN.Cl", "CCCCCCCN"))
    assert salt.atoms.tolist() == parent.atoms.tolist()
    assert salt.descriptors.tolist() == parent.descriptors.tolist()
