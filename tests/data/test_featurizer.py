import gc
import signal
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ogb.utils.features import get_atom_feature_dims, get_bond_feature_dims
from ogb.utils.mol import smiles2graph
from rdkit import Chem, RDLogger

from rnc_graph.data import GraphDataset, MoleculeTable
from rnc_graph.data.features import MoleculeFeatures, featurize
from rnc_graph.data.featurizer import (
    AS_WRITTEN,
    ATOM_FEATURE_SIZES,
    BOND_FEATURE_SIZES,
    FeaturizerConfig,
    molecule_arrays,
)
from rnc_graph.data.smiles import canonical_smiles

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
    "R": "C[C@@H](N)C(=O)O",
    "S": "C[C@H](N)C(=O)O",
    "cis in a ring": "C[C@H]1CC[C@@H](C)CC1",
    "trans in a ring": "C[C@H]1CC[C@H](C)CC1",
    "salt": "CC(=O)[O-].[Na+]",
    "ions": "[Na+].[Cl-]",
    "dative bond": "[NH3]->[Cu]",
    "quadruple bond": "[Mo]$[Mo]",
    "triple bond": "CC#N",
    "aromatic hetero ring": "c1cc[nH]c1",
}


def _complete_graph(atoms: int) -> str:
    """Return the SMILES of so many uranium atoms, each bonded to all others."""
    molecule = Chem.RWMol()
    for _ in range(atoms):
        molecule.AddAtom(Chem.Atom("U"))
    for begin in range(atoms):
        for end in range(begin):
            molecule.AddBond(begin, end, Chem.BondType.SINGLE)
    return Chem.MolToSmiles(molecule, canonical=False)


_COMPLETE = _complete_graph(30)


def _graph(graphs: GraphDataset, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the node features, edges and edge features of graph i."""
    graph = graphs[i]
    return graph.x.numpy(), graph.edge_index.numpy(), graph.edge_attr.numpy()


def _assert_is_ogb(graphs: GraphDataset, i: int, smiles: str, *, chirality: bool = False) -> None:
    reference = smiles2graph(smiles)
    atoms, edge_index, bonds = _graph(graphs, i)
    columns = range(9) if chirality else [0, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_array_equal(atoms[:, columns], reference["node_feat"][:, columns])
    np.testing.assert_array_equal(edge_index, reference["edge_index"])
    np.testing.assert_array_equal(bonds, reference["edge_feat"])


def test_feature_lists_are_as_long_as_ogbs() -> None:
    assert list(ATOM_FEATURE_SIZES) == get_atom_feature_dims()
    assert list(BOND_FEATURE_SIZES) == get_bond_feature_dims()


def test_all_of_esol_is_as_ogb_has_it(esol: MoleculeTable, esol_graphs: GraphDataset) -> None:
    assert len(esol_graphs) == len(esol) == 1128
    for i, smiles in enumerate(esol.smiles):
        _assert_is_ogb(esol_graphs, i, canonical_smiles(smiles))


def test_molecules_as_written_are_as_ogb_has_them(esol: MoleculeTable) -> None:
    smiles = [*esol.smiles[::20], *ODD.values()]
    arrays = molecule_arrays(smiles, FeaturizerConfig(featurizer=AS_WRITTEN))
    graphs = MoleculeFeatures.of(arrays).graphs
    for i, text in enumerate(smiles):
        _assert_is_ogb(graphs, i, text, chirality=True)


@pytest.mark.parametrize("smiles", ODD.values(), ids=ODD.keys())
def test_odd_molecules_are_as_ogb_has_them(smiles: str) -> None:
    graphs, bad = featurize(["CO", smiles, "CN"])  # Neighbors show that nothing spills over.
    assert not bad
    for i, text in enumerate(["CO", smiles, "CN"]):
        _assert_is_ogb(graphs, i, canonical_smiles(text))


def test_odd_molecules_reach_the_last_index_of_the_lists() -> None:
    graphs, _ = featurize(list(ODD.values()))
    largest = graphs.batch().x.max(dim=0).values.tolist()
    assert largest == [size - 1 for size in ATOM_FEATURE_SIZES]
    assert graphs.batch().edge_attr[:, 0].max() == BOND_FEATURE_SIZES[0] - 1


def test_bad_smiles_stay_aligned_and_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    smiles = ["CC", "C(C", "", "c1cccc1", "CN(C)(C)(C)C", "O", "water"]
    graphs, bad = featurize(smiles)
    assert len(graphs) == len(smiles)
    assert graphs.batch().ptr.diff().tolist() == [2, 0, 0, 0, 0, 1, 0]
    assert [graph.num_edges for graph in graphs] == [2, 0, 0, 0, 0, 0, 0]
    assert [(b.row, b.smiles) for b in bad] == [(i, smiles[i]) for i in (1, 2, 3, 4, 6)]
    reasons = {b.row: b.reason for b in bad}
    assert reasons[1] == reasons[6] == "not a valid SMILES"
    assert reasons[2] == "no SMILES"
    assert "kekulize" in reasons[3]
    assert "valence" in reasons[4]
    assert capfd.readouterr() == ("", "")


def test_rdkits_messages_are_held_back_for_us_alone(caplog: pytest.LogCaptureFixture) -> None:
    RDLogger.EnableLog("rdApp.error")  # PyG's data sets switch it off for the whole process.
    featurize(["C(C"])
    assert not caplog.records
    assert Chem.MolFromSmiles("C(C") is None
    assert "C(C" in caplog.text


@pytest.mark.parametrize("smiles", ["Cc", "BrC(Bo3CBr)3Br"])
def test_what_rdkit_refuses_late_has_a_reason_too(smiles: str) -> None:
    _, bad = featurize([smiles])
    assert "atom" in bad[0].reason


@settings(max_examples=300)
@given(st.text(alphabet="CNOcno12()[]=#@+-H/\\.%*: ", max_size=10))
def test_any_text_gives_a_graph_or_a_reason(text: str) -> None:
    graphs, bad = featurize([text, "CC"])
    assert graphs[-1].num_nodes == 2
    if bad:
        assert bad[0].row == 0
        assert bad[0].reason
        assert graphs[0].num_nodes == 0
    else:
        assert graphs[0].num_nodes == Chem.MolFromSmiles(canonical_smiles(text)).GetNumAtoms()


def test_no_molecules() -> None:
    graphs, bad = featurize([])
    assert len(graphs) == 0
    assert not bad
    assert graphs.batch().x.shape == (0, 9)
    assert graphs.batch().edge_index.shape == (2, 0)
    assert graphs.batch().edge_attr.shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no SMILES"),
        ("CC(=O)O.OCC>>CC(=O)OCC", "a reaction, not a molecule"),
        ("CCO>O>CC=O", "a reaction, not a molecule"),
        ("C(", "not a valid SMILES"),
        ("CN(C)(C)(C)C", "valence"),
        ("C\N{GRINNING FACE}", "it holds the character"),
        ("CC\0", "it holds the character"),
        ("CC O", "'O' follows after a blank"),
        ("CC |^1:0|", "'|^1:0|' follows after a blank"),
        ("CC\tethane", "'ethane' follows after a blank"),
        ("C" * 10_001, "10,001 characters, more than 10,000"),
        (None, "no text, but NoneType"),
        (float("nan"), "no text, but float"),
    ],
)
def test_what_is_no_molecule_is_named_and_costs_no_other(text: object, reason: str):
    graphs, bad = featurize(["CC", text, "CO"])  # type: ignore[list-item]
    assert [b.row for b in bad] == [1]
    assert reason in bad[0].reason
    assert graphs.batch().ptr.diff().tolist() == [2, 0, 2]


def test_a_long_chain_is_a_molecule():
    graphs, bad = featurize(["C" * 5_000])
    assert not bad
    assert [graph.num_nodes for graph in graphs] == [5_000]


def _same(first: str, second: str) -> bool:
    """Return whether two SMILES have equal arrays."""
    config = FeaturizerConfig(descriptors=True, fingerprints=True, canonical=True)
    one, other = molecule_arrays([first], config), molecule_arrays([second], config)
    assert not one.bad
    assert not other.bad
    return one.canonical == other.canonical and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "descriptors")
        for name in ("atoms", "ends", "bonds", "descriptors", "fingerprints")
    )


@pytest.mark.parametrize(
    "smiles",
    [
        "C[C@H](N)C(=O)O",
        "C[C@H]1CC[C@@H](C)CC1",
        "C/C=C/C=C\\C",
        "C[C@H](O)[C@@H](O)[C@H](O)C",
        "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O",
        "C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc34)[C@@H]1CC[C@@H]2O",
        "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
    ],
)
def test_a_molecule_has_the_same_arrays_however_it_is_written(smiles: str) -> None:
    molecule = Chem.MolFromSmiles(smiles)
    for text in Chem.MolToRandomSmilesVect(molecule, 20, randomSeed=1):
        assert _same(text, smiles)
    assert _same(Chem.MolToSmiles(molecule, kekuleSmiles=True, allHsExplicit=True), smiles)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
        ("C[C@H]1CC[C@@H](C)CC1", "C[C@H]1CC[C@H](C)CC1"),
        ("C[C@H](O)[C@@H](O)[C@H](O)C", "C[C@H](O)[C@H](O)[C@H](O)C"),
        ("F/C=C/F", "F/C=C\\F"),
    ],
)
def test_stereoisomers_differ(first: str, second: str) -> None:
    assert not _same(first, second)


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("[CH3:1][OH:2]", "CO"),
        ("[H:7][O:1][CH3:2]", "CO"),
        ("C[C@H:1](N)C(=O)O", "C[C@H](N)C(=O)O"),
        ("[2H]C([2H])([2H])O", "CO"),
        ("C[C@H](O)[2H]", "CCO"),
        ("[13CH3][14CH2]O", "CCO"),
        ("[2H]O[2H]", "O"),
    ],
)
def test_atom_maps_and_isotopes_make_no_other_molecule(marked: str, plain: str) -> None:
    assert canonical_smiles(marked) == canonical_smiles(plain)
    assert _same(marked, plain)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_is_no_undefined_descriptor(error: type[BaseException]) -> None:
    def stop(*_: object) -> None:
        raise error

    # What is imported on the way must not meet it.
    molecule_arrays(["CO"], FeaturizerConfig(descriptors=True))
    # Of the time that this process computes: however busy the machine is. Not while what other
    # tests left is collected, where Python ignores errors.
    before = signal.signal(signal.SIGVTALRM, stop)
    gc.collect()
    gc.disable()
    try:
        # Within the descriptors, which take nearly all of the time.
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.2)
        with pytest.raises(error):
            molecule_arrays(
                ["CC(C)Cc1ccc(cc1)C(C)C(=O)O"] * 1_000, FeaturizerConfig(descriptors=True)
            )
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        gc.enable()


def test_the_descriptors_of_a_peptide_of_60_residues_take_less_than_a_second() -> None:
    peptide = Chem.MolToSmiles(Chem.MolFromSequence("ACDEFGHIKLMNPQRSTVWY" * 3))
    molecule_arrays(["CO"], FeaturizerConfig(descriptors=True))
    begin = time.process_time()
    arrays = molecule_arrays([peptide], FeaturizerConfig(descriptors=True))
    assert not arrays.bad
    assert time.process_time() - begin < 1
    assert np.isfinite(arrays.descriptors).mean() > 0.9


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C1CC1" * 500, "1,500 atoms, more than 1,000"),
        ("C" * 1_001, "1,001 atoms, more than 1,000"),
        (_COMPLETE, "too densely bonded"),
    ],
    ids=["rings", "chain", "complete"],
)
def test_a_molecule_beyond_the_bounds_is_refused_for_descriptors_alone(
    smiles: str, reason: str
) -> None:
    begin = time.process_time()
    (bad,) = molecule_arrays([smiles], FeaturizerConfig(descriptors=True)).bad
    assert time.process_time() - begin < 5
    assert reason in bad.reason
    assert not molecule_arrays([smiles], FeaturizerConfig()).bad
