import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ogb.utils.features import get_atom_feature_dims, get_bond_feature_dims
from ogb.utils.mol import smiles2graph
from rdkit import Chem, RDLogger

from rnc_graph.data import MoleculeTable, PackedGraphs
from rnc_graph.data.features import featurize
from rnc_graph.data.featurizer import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES

ODD = {
    "no bonds": "C",
    "polymer star": "*CC",
    "proton": "[H+]",
    "hydrogen": "[H][H]",
    "deuterium": "[2H]C",
    "charge above 5": "[U+6]",
    "charge below -5": "[Fe-6]",
    "radical": "C[CH2]",
    "many radical electrons": "[Ca+3]",
    "heaviest element": "[Og]",
    "many hydrogens": "[UH9]",
    "many neighbors": "[UH12]",
    "trigonal bipyramid": "FP(F)(F)(F)F",
    "octahedron": "FS(F)(F)(F)(F)F",
    "octahedral center": "O[Co@OH3](Cl)(C)(N)(F)P",
    "E": "F/C=C/F",
    "Z": "F/C=C\\F",
    "diene": "C/C=C/C=C\\C",
    "clockwise": "C[C@@H](N)C(=O)O",
    "counter-clockwise": "C[C@H](N)C(=O)O",
    "salt": "CC(=O)[O-].[Na+]",
    "ions": "[Na+].[Cl-]",
    "dative bond": "[NH3]->[Cu]",
    "quadruple bond": "[Mo]$[Mo]",
    "triple bond": "CC#N",
    "aromatic hetero ring": "c1cc[nH]c1",
}


def _graph(graphs: PackedGraphs, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return graph i as the store holds it: atoms, edge_index, bonds."""
    atoms = slice(graphs.atom_offsets[i], graphs.atom_offsets[i + 1])
    edges = slice(graphs.edge_offsets[i], graphs.edge_offsets[i + 1])
    return (
        graphs.atoms[atoms].numpy(),
        graphs.edge_index[:, edges].numpy(),
        graphs.bonds[edges].numpy(),
    )


def _assert_is_ogb(graphs: PackedGraphs, i: int, smiles: str) -> None:
    reference = smiles2graph(smiles)
    atoms, edge_index, bonds = _graph(graphs, i)
    np.testing.assert_array_equal(atoms, reference["node_feat"])
    np.testing.assert_array_equal(edge_index, reference["edge_index"])
    np.testing.assert_array_equal(bonds, reference["edge_feat"])


def test_feature_lists_are_as_long_as_ogbs() -> None:
    assert list(ATOM_FEATURE_SIZES) == get_atom_feature_dims()
    assert list(BOND_FEATURE_SIZES) == get_bond_feature_dims()


def test_all_of_esol_is_as_ogb_has_it(esol: MoleculeTable, esol_graphs: PackedGraphs) -> None:
    assert len(esol_graphs) == len(esol) == 1128
    for i, smiles in enumerate(esol.smiles):
        _assert_is_ogb(esol_graphs, i, smiles)


@pytest.mark.parametrize("smiles", ODD.values(), ids=ODD.keys())
def test_odd_molecules_are_as_ogb_has_them(smiles: str) -> None:
    graphs, bad = featurize(["CO", smiles, "CN"])  # Neighbors show that nothing spills over.
    assert not bad
    for i, text in enumerate(["CO", smiles, "CN"]):
        _assert_is_ogb(graphs, i, text)


def test_odd_molecules_reach_the_last_index_of_the_lists() -> None:
    graphs, _ = featurize(list(ODD.values()))
    largest = graphs.atoms.max(dim=0).values.tolist()
    assert largest == [size - 1 for size in ATOM_FEATURE_SIZES]
    assert graphs.bonds[:, 0].max() == BOND_FEATURE_SIZES[0] - 1


def test_bad_smiles_stay_aligned_and_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    smiles = ["CC", "C(C", "", "c1cccc1", "CN(C)(C)(C)C", "O", "water"]
    graphs, bad = featurize(smiles)
    assert len(graphs) == len(smiles)
    assert graphs.atom_offsets.diff().tolist() == [2, 0, 0, 0, 0, 1, 0]
    assert graphs.edge_offsets.diff().tolist() == [2, 0, 0, 0, 0, 0, 0]
    assert [(b.row, b.smiles) for b in bad] == [(i, smiles[i]) for i in (1, 2, 3, 4, 6)]
    reasons = {b.row: b.reason for b in bad}
    assert reasons[1] == reasons[6] == "not a valid SMILES"
    assert reasons[2] == "no atoms"
    assert "kekulize" in reasons[3]
    assert "valence" in reasons[4]
    assert capfd.readouterr() == ("", "")


def test_rdkits_messages_are_held_back_for_us_alone(capfd: pytest.CaptureFixture[str]) -> None:
    RDLogger.EnableLog("rdApp.error")  # PyG's data sets switch it off for the whole process.
    featurize(["C(C"])
    assert Chem.MolFromSmiles("C(C") is None
    assert "C(C" in capfd.readouterr().err


@pytest.mark.parametrize("smiles", ["Cc", "BrC(Bo3CBr)3Br"])
def test_what_rdkit_refuses_late_has_a_reason_too(smiles: str) -> None:
    _, bad = featurize([smiles])
    assert "atom" in bad[0].reason


@settings(max_examples=300)
@given(st.text(alphabet="CNOcno12()[]=#@+-H/\\.%*: ", max_size=10))
def test_any_text_gives_a_graph_or_a_reason(text: str) -> None:
    graphs, bad = featurize([text, "CC"])
    assert graphs.atom_offsets[-1] - graphs.atom_offsets[1] == 2
    if bad:
        assert bad[0].row == 0
        assert bad[0].reason
        assert graphs.atom_offsets[1] == 0
    else:
        assert graphs.atom_offsets[1] == Chem.MolFromSmiles(text).GetNumAtoms()


def test_no_molecules() -> None:
    graphs, bad = featurize([])
    assert len(graphs) == 0
    assert not bad
    assert graphs.atoms.shape == (0, 9)
    assert graphs.edge_index.shape == (2, 0)
    assert graphs.bonds.shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no atoms"),
        ("C(", "not a valid SMILES"),
        ("CN(C)(C)(C)C", "valence"),
        ("C\N{GRINNING FACE}", "it holds the character"),
        ("CC\0", "it holds the character"),
        ("C" * 10_001, "10,001 characters, more than 10,000"),
        (None, "no text, but NoneType"),
        (float("nan"), "no text, but float"),
    ],
)
def test_what_is_no_molecule_is_named_and_costs_no_other(text: object, reason: str):
    graphs, bad = featurize(["CC", text, "CO"])  # type: ignore[list-item]
    assert [b.row for b in bad] == [1]
    assert reason in bad[0].reason
    assert graphs.atom_offsets.diff().tolist() == [2, 0, 2]


def test_a_long_chain_is_a_molecule():
    graphs, bad = featurize(["C" * 5_000])
    assert not bad
    assert graphs.atom_offsets.tolist() == [0, 5_000]
