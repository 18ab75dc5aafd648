from pathlib import Path

import numpy as np
import pytest

from rnc_graph.data.reading.molecules import BadRow, read_molecules
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
    assert "numbers such as '1,5' are read with a decimal comma" in notes


def test_what_was_found_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\nC,1\nC," + "x" * 200 + "\n")
    _, (bad,), _ = read_molecules(path, "smiles", ["y"])
    assert bad.found == "x" * 77 + "..."


def test_a_table_without_one_good_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\nC,a\n")
    with pytest.raises(RncGraphError, match="none of its 1 rows can be used; row 1, column 'y'"):
        read_molecules(path, "smiles", ["y"])
