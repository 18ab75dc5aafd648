from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_graph.data import MoleculeDataset
from rnc_graph.data.bad import BadRow
from rnc_graph.data.reading.molecules import read_molecules
from rnc_graph.data.reading.numbers import Decimal
from rnc_graph.errors import RncGraphError


def test_bad_rows_are_named_and_the_others_know_where_they_come_from(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y,z,split\nC,1,,a\nCC,<2,3,b\n,1,1,a\nCO,,NA,b\nCN\n\nCF,2,3,test\n")
    table, bad, notes = read_molecules(path, "smiles", ["y", "z"], extra=["split"])
    assert table.smiles == ["C", "CF"]
    np.testing.assert_array_equal(table.targets, [[1, np.nan], [2, 3]])
    assert table.source_rows is not None
    assert table.source_lines is not None
    assert (table.source_rows.tolist(), table.source_lines.tolist()) == ([1, 7], [2, 8])
    assert table.extra == {"split": ["a", "test"]}
    assert bad == [
        BadRow(2, 3, "y", "<2", "a bound, not a number"),
        BadRow(3, 4, "smiles", "", "no SMILES"),
        BadRow(4, 5, "", "", "no target"),
        BadRow(5, 6, "", "CN", "too few cells: 1, the header has 4"),
        BadRow(6, 7, "", "", "a blank line"),
    ]
    assert notes == []


def test_decimal_commas_are_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles;y\nC;1,5\n")
    table, bad, notes = read_molecules(path)
    assert (table.targets.tolist(), bad) == ([[1.5]], [])
    assert "numbers of column 'y' such as '1,5' are read with a decimal comma" in notes


def test_a_point_beside_decimal_commas_is_said_to_be_between_thousands(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles;y\nC;1.250\nCC;3,5\n")
    table, _, notes = read_molecules(path)
    assert table.targets[:, 0].tolist() == [1250, 3.5]
    how = "numbers of column 'y' such as '3,5' are read with a decimal comma"
    assert f"{how}, and '1.250' as 1250" in notes
    path.write_text("smiles;y\nC;n.d.\nCC;3,5\n")  # A point of no number.
    assert how in read_molecules(path)[2]


@pytest.mark.parametrize("decimal", [None, ","])
@pytest.mark.parametrize("excel", [False, True])
def test_cells_with_numbers_have_a_decimal_point_beside_texts_with_a_comma(
    tmp_path: Path, excel: bool, decimal: Decimal
) -> None:
    y = [1.203, 2.118, -3.456 if excel else np.float32(-3.456), "0,75", 12]
    frame = pd.DataFrame({"smiles": ["C", "CC", "CCC", "CCCC", "CCCCC"], "y": y}, dtype=object)
    path = tmp_path / "t.xlsx"
    if excel:
        pytest.importorskip("openpyxl")
        frame.to_excel(path, index=False)
    table, bad, notes = read_molecules(path if excel else frame, "smiles", ["y"], decimal=decimal)
    assert (table.targets[:, 0].tolist(), bad) == ([1.203, 2.118, -3.456, 0.75, 12], [])
    how = "numbers of column 'y' such as '0,75' are read with a decimal comma"
    assert (how in notes) == (decimal is None)


def test_what_was_found_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\nC,1\nC," + "x" * 200 + "\n")
    _, (bad,), _ = read_molecules(path, "smiles", ["y"])
    assert bad.found == "x" * 77 + "..."


def test_a_table_without_one_good_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\nC,a\n")
    with pytest.raises(RncGraphError, match=r"(?s)1 row cannot.*row 1 \(line 2\), column 'y'"):
        read_molecules(path, "smiles", ["y"])


THOUSANDS = "smiles\ty\nC\t850\nCC\t1,203\nCCC\t436\nCCCC\t15,309\n"


@pytest.mark.parametrize(
    ("decimal", "values"), [(".", [850, 1203, 436, 15309]), (",", [850, 1.203, 436, 15.309])]
)
def test_what_is_ambiguous_is_refused_and_settled_by_an_option(
    tmp_path: Path, decimal: Decimal, values: list[float]
) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(THOUSANDS)
    with pytest.raises(
        RncGraphError, match=r"'y': .*'1,203' \(row 2\) and '850' \(row 1\).*--decimal"
    ):
        read_molecules(path)
    table, bad, _ = read_molecules(path, decimal=decimal)
    assert not bad
    assert table.targets[:, 0].tolist() == values


def test_ignored_columns_are_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(
        f"{'C' * n},{n},{'>' if n % 4 else '='},{'nM' if n % 2 else 'uM'},{n},"
        f"{'train' if n > 3 else 'test'},O,x\n"
        for n in range(1, 13)
    )
    path.write_text("smiles,y,Standard Relation,units,weight,split,molecule,other\n" + rows)
    _, _, notes = read_molecules(path, "smiles", ["y"])
    assert [note.partition(":")[0] for note in notes] == [
        "column 'Standard Relation' is ignored",
        "column 'units' is ignored",
        "column 'weight' is ignored",
        "column 'split' is ignored",
        "column 'molecule' is ignored",
    ]
    assert "9 rows are bounds" in notes[0]
    assert "'nM', 'uM'" in notes[1]
    assert "--split-column split" in notes[3]
    _, _, notes = read_molecules(path, "smiles", ["y"], extra=["split"])
    assert not any("'split'" in note for note in notes)


def test_classes_are_no_quantity(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\n" + "".join(f"{'C' * n},{n % 2}\n" for n in range(1, 13)))
    _, _, notes = read_molecules(path)
    assert "target 'y' has two values, 0 and 1: if they are classes" in notes[-1]
    path.write_text("smiles,y\n" + "".join(f"{'C' * n},{n % 3}\n" for n in range(1, 13)))
    assert "target 'y' has three values, 0, 1 and 2" in read_molecules(path)[2][-1]
    path.write_text("smiles,y\nC,active\nCC,inactive\n")
    with pytest.raises(RncGraphError, match=r"(?s)'active': not a number.*A target is a measured"):
        read_molecules(path, "smiles", ["y"])


def test_a_cell_written_in_another_way_is_named_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('smiles,y\nC,1.5\n\nCC,2.5\nCCC,"-2,5"\n')
    with pytest.raises(RncGraphError, match=r"got '1\.5' \(row 1\) and '-2,5' \(row 4\)"):
        read_molecules(path)


@pytest.mark.parametrize("targets", [["empty"], ["y", "empty"], ["empty", "y"]])
def test_a_column_without_numbers_is_named(
    tmp_path: Path, targets: list[str], recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y,empty\nC,1,\nCC,2,NA\n")
    with pytest.raises(RncGraphError, match="column 'empty'"):
        read_molecules(path, "smiles", targets)
    assert not recwarn.list


def test_a_reaction_and_an_empty_cell_have_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("structure,y\nCCO>>CC=O,1\n,2\n")
    with pytest.raises(RncGraphError) as caught:
        MoleculeDataset.from_csv(path, "structure", ["y"])
    assert str(caught.value).splitlines() == [
        f"{path}: 2 rows cannot be used",
        "  row 1 (line 2), column 'structure': 'CCO>>CC=O': a reaction, not a molecule",
        "  row 2 (line 3), column 'structure': '': no SMILES",
    ]


@pytest.mark.parametrize("decimal", [None, ","])
def test_weights_are_read_as_targets_are(tmp_path: Path, decimal: Decimal | None) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles;y;w\nC;1,5;0,5\nCC;2,5;1,5\n")
    table, bad, _ = read_molecules(path, "smiles", ["y"], weight="w", decimal=decimal)
    assert not bad
    assert table.weights is not None
    assert table.weights.tolist() == [0.5, 1.5]


def test_bounds_relations_and_weights(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "smiles,y,z,how,w\nC,>100,1,=,1\nCC,< 2.5,2,'>',2\nCCC,~5,,>,1\nCO,\u22647,4,~,0\n"
        "CN,>x,1,,1\nCF,3,1,about,1\nCCl,1,,<,-1\nCBr,1,2,<,\n"
    )
    table, bad, notes = read_molecules(
        path, "smiles", ["y", "z"], weight="w", bounds=True, relations=["", "how"]
    )
    assert table.smiles == ["C", "CC", "CCC"]
    assert table.censored is not None
    assert table.censored.tolist() == [[1, 0], [-1, 1], [0, 0]]
    np.testing.assert_array_equal(table.targets, [[100, 1], [2.5, 2], [5, np.nan]])
    np.testing.assert_array_equal(table.exact, [[np.nan, 1], [np.nan, np.nan], [5, np.nan]])
    assert table.weights is not None
    assert table.weights.tolist() == [1, 2, 1]
    assert [(b.row, b.column, b.reason) for b in bad] == [
        (4, "w", "not positive: it has no weight"),
        (5, "y", "not a number"),
        (6, "z", "its relation: expected =, < or >, got 'about'"),
        (7, "w", "not positive: it has no weight"),
        (8, "w", "a missing value"),
    ]
    assert notes == [
        "target 'y': 2 of 3 rows have a bound in place of a value: 1 times >, 1 times <",
        "target 'z': 1 of 3 rows have a bound in place of a value: 1 times >, 0 times <",
    ]
    assert table.take(np.array([1])).censored.tolist() == [[-1, 1]]
    assert table.select(["z"]).censored.tolist() == [[0], [1]]
    # Where bounds are not read they are bad.
    _, bad, _ = read_molecules(path, "smiles", ["y"])
    assert {b.row for b in bad} == {1, 2, 3, 4, 5}
