"""A corpus: different molecules, fragments, bad rows, limits."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from rnc_graph.data.smiles import canonical_smiles, parse_smiles
from rnc_graph.errors import BadValueError, FileError
from rnc_graph.pretraining import corpus_file, list_molecules
from rnc_graph.pretraining.corpus import _Seen, fragments_of

SMILES = [
    *("CCO", "OCC", "c1ccccc1CCN", "no molecule", "", "CC(=O)Nc1ccc(O)cc1", "[CH3:1]CO", "CCO"),
    " m51",
]


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_molecule_is_listed_once_however_it_is_written(tmp_path):
    corpus = list_molecules(write(tmp_path / "all.smi", SMILES), tmp_path / "store")
    assert list(corpus.smiles()) == ["CCO", "NCCc1ccccc1", "CC(=O)Nc1ccc(O)cc1"]
    assert (corpus.molecules, corpus.duplicates, corpus.fragments) == (3, 3, 0)
    assert (corpus.rows, corpus.bad) == (9, 3)
    bad = (tmp_path / "store" / "bad_rows.csv").read_text().splitlines()
    assert bad == [
        "row,smiles,reason",
        "4,no,non-ring atom 0 marked aromatic",  # The rest of a line is a name.
        "5,,no SMILES",
        "9,,no SMILES",
    ]


def test_a_list_is_made_once_and_taken_for_no_other(tmp_path):
    source, folder = write(tmp_path / "all.smi", SMILES), tmp_path / "store"
    first = list_molecules(source, folder)
    (folder / "molecules.smi").write_text("CCO\n")
    again = list_molecules(source, folder)
    assert again == first
    assert list(again.smiles()) == ["CCO"]
    with pytest.raises(
        BadValueError, match=r"holds the molecules of all\.smi with fragments False"
    ):
        list_molecules(source, folder, fragments=True)
    source.write_text("CCCC\n")
    with pytest.raises(BadValueError, match=r"holds the molecules of all\.smi with source"):
        list_molecules(source, folder)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_fragments_are_listed_after_their_molecules(tmp_path, jobs):
    table = tmp_path / "table.csv.gz"
    with gzip.open(table, "wt") as file:
        file.write("name,smiles\na,CCCc1ccccc1\nb,Cc1ccccc1\nc,C\n")
    corpus = list_molecules(table, tmp_path / "store", fragments=True, jobs=jobs)
    listed = list(corpus.smiles())
    assert listed[:3] == ["CCCc1ccccc1", "Cc1ccccc1", "C"]
    assert corpus.fragments == len(listed) - 3 > 0
    assert len(set(listed)) == len(listed)


def test_the_limit_counts_fragments_too(tmp_path):
    source = write(tmp_path / "all.smi", [f"{'C' * n}O" for n in range(4, 40)])
    corpus = list_molecules(source, tmp_path / "store", fragments=True, limit=40)
    assert corpus.molecules == len(list(corpus.smiles())) == 40
    assert corpus.fragments == 4


@given(st.sampled_from(["CCCc1ccccc1", "CC(=O)Nc1ccc(O)cc1", "O=C(O)CCCC1CCSS1", "Cn1cccc1CO"]))
@settings(deadline=None, max_examples=4)
def test_fragments_are_molecules_with_the_atoms_of_the_whole(smiles):
    name = canonical_smiles(smiles)
    pieces = [parse_smiles(piece) for piece in fragments_of(parse_smiles(name), name)]
    assert pieces == [] or sum(m.GetNumAtoms() for m in pieces) <= parse_smiles(name).GetNumAtoms()
    for piece in pieces:
        assert piece.GetNumAtoms() >= 3
        assert not any(atom.GetNumRadicalElectrons() for atom in piece.GetAtoms())
    assert fragments_of(parse_smiles(name), name) == [Chem.MolToSmiles(m) for m in pieces]


@given(st.lists(st.lists(st.text("abc", max_size=2), max_size=6), max_size=6))
def test_what_was_seen_is_remembered(batches):
    seen, known = _Seen(), []
    for names in batches:
        new = [name for name in dict.fromkeys(names) if name not in known]
        assert seen.add(names) == new
        known += new


def test_a_file_without_molecules_and_one_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match=r"nothing\.smi: no such file"):
        corpus_file(str(tmp_path / "nothing.smi"))
    source = write(tmp_path / "bad.smi", ["CCO", "x"])
    source.write_text("smiles\nx y z\n")
    with pytest.raises(BadValueError, match="none of its 1 rows is a molecule"):
        list_molecules(source, tmp_path / "store", smiles="smiles")
    assert not list((tmp_path / "store").glob("*.smi"))
