from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rnc_graph.data import MoleculeDataset, MoleculeTable, SplitRecipe
from rnc_graph.data.duplicates import find_duplicates
from rnc_graph.data.schema import OGB_MOLECULES
from rnc_graph.data.splits import SplitSamples
from rnc_graph.errors import BadValueError, RncGraphError

SMILES = ["CCO", "c1ccccc1", "C", "CC(=O)O"]


def test_molecules_with_and_without_targets() -> None:
    data = MoleculeDataset.from_smiles(SMILES, [1.0, 2.0, np.nan, 4.0], unit="eV")
    assert len(data) == 4
    assert data.smiles == SMILES
    assert data.schema == OGB_MOLECULES
    assert data.target_names == ["y"]
    assert data.table.unit == "eV"
    assert data.y[:, 0].isnan().tolist() == [False, False, True, False]
    chosen = data[[3, 0]]
    assert isinstance(chosen, MoleculeDataset)
    assert chosen.smiles == ["CC(=O)O", "CCO"]
    assert chosen.table.targets.tolist() == [[4.0], [1.0]]
    assert chosen.table.rows.tolist() == [4, 1]
    assert [graph.num_nodes for graph in chosen] == [4, 3]
    assert chosen[1:].smiles == ["CCO"]
    bare = MoleculeDataset.from_smiles(SMILES)
    assert bare.y is None
    assert bare.table.targets.shape == (4, 0)
    two = MoleculeDataset.from_smiles(SMILES, np.ones((4, 2)), target_names=["a", "b"])
    assert two.target_names == two[:2].table.target_names == ["a", "b"]


def test_bad_smiles_are_named_or_skipped() -> None:
    smiles = ["CCO", "C(C", "C", ""]
    with pytest.raises(
        BadValueError, match=r"(?s)2 rows cannot.*row 2, column 'SMILES': 'C\(C'.*row 4.*: ''"
    ):
        MoleculeDataset.from_smiles(smiles, [1, 2, 3, 4])
    data = MoleculeDataset.from_smiles(smiles, [1, 2, 3, 4], on_bad="skip")
    assert data.smiles == ["CCO", "C"]
    assert data.y.flatten().tolist() == [1, 3]
    assert [(row.row, row.found) for row in data.bad] == [(2, "C(C"), (4, "")]
    assert [graph.num_nodes for graph in data] == [3, 1]
    with pytest.raises(BadValueError, match="expected molecules, got none"):
        MoleculeDataset.from_smiles(["?"], on_bad="skip")
    with pytest.raises(BadValueError, match="expected on_bad 'raise' or 'skip', got 'drop'"):
        MoleculeDataset.from_smiles(SMILES, on_bad="drop")  # type: ignore[arg-type]
    with pytest.raises(BadValueError, match=r"a row for each of 4 SMILES, got shape \(3, 1\)"):
        MoleculeDataset.from_smiles(SMILES, [1, 2, 3])


def test_a_file_and_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,a,b\nCCO,1,2\nC(C,3,4\nC,x,6\nCC,,8\n")
    with pytest.raises(
        RncGraphError,
        match=r"(?s)2 rows.*'smiles': 'C\(C'.*row 3 \(line 4\).*'a': 'x'",
    ):
        MoleculeDataset.from_csv(path, "smiles", ["a", "b"])
    data = MoleculeDataset.from_csv(path, "smiles", ["a", "b"], on_bad="skip")
    assert data.smiles == ["CCO", "CC"]
    assert data.target_names == ["a", "b"]
    np.testing.assert_array_equal(data.y, [[1, 2], [np.nan, 8]])
    assert [row.row for row in data.bad] == [2, 3]
    frame = pd.DataFrame({"structure": SMILES, "y": [1.0, 2.0, 3.0, 4.0]})
    assert MoleculeDataset.from_csv(frame, "structure", ["y"]).smiles == SMILES


def test_a_named_data_set(esol: MoleculeTable) -> None:
    data = MoleculeDataset.load("esol")
    assert data.smiles == esol.smiles
    np.testing.assert_array_equal(data.y, esol.targets)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("deepchem") is None, reason="DeepChem is not installed")
@pytest.mark.filterwarnings("ignore")
def test_data_sets_of_deepchem() -> None:
    import deepchem as dc

    y = np.array([[1.0, 10.0], [2.0, 0.0], [3.0, 30.0], [4.0, 40.0]])
    w = np.array([[1, 1], [1, 0], [1, 1], [1, 1]])
    whole = dc.data.NumpyDataset(X=np.zeros((4, 1)), y=y, w=w, ids=SMILES)
    expected = np.where(w > 0, y, np.nan)
    data = MoleculeDataset.from_deepchem(whole)
    assert data.smiles == SMILES
    np.testing.assert_array_equal(data.y, expected)
    # As a loader of MolNet returns it: tasks, sets and transformers.
    transformer = dc.trans.NormalizationTransformer(transform_y=True, dataset=whole)
    sets = tuple(transformer.transform(whole.select(rows)) for rows in ([0, 1], [2], [3]))
    assert not np.allclose(sets[0].y, y[:2])
    found = MoleculeDataset.from_deepchem((["a", "b"], sets, [transformer]))
    assert [part.smiles for part in found] == [SMILES[:2], SMILES[2:3], SMILES[3:]]
    assert found[0].target_names == ["a", "b"]
    np.testing.assert_allclose(torch.cat([part.y for part in found]), expected)
    train, test = MoleculeDataset.from_deepchem((whole.select([0]), whole.select([1])))
    assert (len(train), len(test)) == (1, 1)
    with pytest.raises(BadValueError, match=r"expected a deepchem.data.Dataset, got list"):
        MoleculeDataset.from_deepchem([whole])


def test_other_targets_are_those_of_the_table_too() -> None:
    whole = MoleculeDataset.from_smiles(["C", "CC", "CCC"], [1.0, 2.0, 3.0], unit="mol/L")
    other = whole[[2, 0]].with_y([[5.0, 6.0], [7.0, 8.0]], ["a", "b"])
    assert other.table.targets.tolist() == other.y.tolist() == [[5.0, 6.0], [7.0, 8.0]]
    assert (other.table.target_names, other.table.unit) == (["a", "b"], "")
    assert (other.smiles, other.table.smiles) == (["CCC", "C"], ["CCC", "C"])
    assert whole.table.targets.tolist() == [[1.0], [2.0], [3.0]]
    assert whole.table.unit == "mol/L"


def test_a_data_set_is_divided_as_its_table_is() -> None:
    molecules = MoleculeDataset.from_smiles(["C" * n for n in range(1, 21)], range(20))
    for divided, whole in (
        (SplitSamples.of(molecules), SplitSamples.of(molecules.table)),
        (SplitRecipe().split(molecules, 0), SplitRecipe().split(molecules.table, 0)),
    ):
        np.testing.assert_array_equal(divided.targets, whole.targets)


def test_other_targets_have_no_bounds_of_the_old_ones() -> None:
    censored = np.array([[1], [0]], dtype=np.int8)
    bounded = MoleculeTable("t", ["C", "CC"], np.ones((2, 1)), ["y"], "", censored=censored)
    other = MoleculeDataset.from_table(bounded).with_y([3.0, 4.0])
    assert other.table.exact.tolist() == [[3.0], [4.0]]


def test_graphs_without_smiles_are_refused() -> None:
    with pytest.raises(BadValueError, match=r"expected SMILES, got graphs; use GraphDataset"):
        MoleculeDataset.from_pyg(MoleculeDataset.from_smiles(["C"]).to_pyg())


@pytest.mark.filterwarnings("error")
def test_a_target_without_values_makes_no_conflict() -> None:
    targets = np.array([[1.0, np.nan], [2.0, np.nan]])
    found = find_duplicates(["C", "C"], targets)
    assert [rows.tolist() for rows in found.conflicts] == [[0, 1]]
    assert found.summary(np.array([1, 2])).startswith("1 molecule is in several rows; the values")
    assert find_duplicates(["C", "C"], targets[:, 1:]).conflicts == []
