from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_graph.data import read_table
from rnc_graph.errors import RncGraphError


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.csv"


def test_columns_are_taken_by_name_in_the_order_asked_for(path: Path) -> None:
    _write(path, 'id,y,smiles,z\na,1,CC,-2e-1\nb, 2.5 ,"C(=O)O",3\n')
    table = read_table(path, "smiles", ["z", "y"], unit="mg")
    assert table.name == str(path)
    assert table.smiles == ["CC", "C(=O)O"]
    assert table.targets.tolist() == [[-0.2, 1.0], [3.0, 2.5]]
    assert table.target_names == ["z", "y"]
    assert table.unit == "mg"
    assert len(table) == 2


def test_text_that_looks_like_a_missing_value_stays_text(path: Path) -> None:
    _write(path, "smiles,y\nN,1\nNA,2\n,3\n")
    assert read_table(path, "smiles", ["y"]).smiles == ["N", "NA", ""]


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(RncGraphError, match=r"mine\.csv: no such file"):
        read_table(path, "smiles", ["y"])


@pytest.mark.parametrize("missing", ["smiles", "y"])
def test_a_missing_column_is_answered_with_the_columns(path: Path, missing: str) -> None:
    names = [name for name in ("smiles", "y", "other") if name != missing]
    _write(path, ",".join(names) + "\n1,2\n")
    with pytest.raises(RncGraphError) as caught:
        read_table(path, "smiles", ["y"])
    columns = ", ".join(map(repr, names))
    assert str(caught.value) == f"{path}: no column {missing!r}; its columns are: {columns}"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("abc", "not a number"),
        ("", "a missing value"),
        ("nan", "a missing value"),
        ("inf", "infinite"),
        ("-inf", "infinite"),
        ("1_0", "not a number"),
        ("0x10", "not a number"),
        ("True", "not a number"),
        ("1e19", r"not within 1e\+18"),
        ("1,5", "a comma is no decimal point here"),
    ],
)
def test_what_is_no_finite_number_is_named_by_line_and_column(
    path: Path, cell: str, reason: str
) -> None:
    _write(path, f"smiles;y\nCC;1\nCO;{cell}\nCN;2\n")
    with pytest.raises(RncGraphError, match=reason) as caught:
        read_table(path, "smiles", ["y"])
    assert str(caught.value).startswith(f"{path}, line 3, column 'y': {cell!r}: ")


def test_only_the_first_bad_number_is_named_and_all_are_counted(path: Path) -> None:
    _write(path, "smiles,y\nCC,1\nCO,a\nCN,b\n")
    with pytest.raises(RncGraphError, match=r"line 3, .*'a': .* \(2 rows cannot be used\)$"):
        read_table(path, "smiles", ["y"])


def test_nothing_but_blank_lines_is_no_table(path: Path) -> None:
    _write(path, "smiles,y\n\n\n")
    with pytest.raises(RncGraphError, match="has no rows below its header"):
        read_table(path, "smiles", ["y"])


def test_blank_lines_count_and_those_at_the_end_go(path: Path) -> None:
    _write(path, "smiles,y\nCC,1\n\nCO,2\n")
    with pytest.raises(RncGraphError, match="line 3, column 'y': '': a missing value"):
        read_table(path, "smiles", ["y"])
    _write(path, "smiles,y\nCC,1\nCO,2\n\n\n")
    assert len(read_table(path, "smiles", ["y"])) == 2


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_named(path: Path, text: str) -> None:
    _write(path, text)
    with pytest.raises(RncGraphError, match=r"mine\.csv: cannot be read as CSV"):
        read_table(path, "smiles", ["y"])


def test_a_header_without_rows_is_named(path: Path) -> None:
    _write(path, "smiles,y\n")
    with pytest.raises(RncGraphError, match=r"mine\.csv: has no rows"):
        read_table(path, "smiles", ["y"])


@pytest.mark.parametrize("text", ["smiles,y\nCC,1\nCO,2,3,4\n", b"smiles,y\n\xff\xfe,1\n"])
def test_what_is_no_csv_is_named(path: Path, text: str | bytes) -> None:
    _write(path, text)
    with pytest.raises(RncGraphError, match=r"mine\.csv: cannot be read as CSV"):
        read_table(path, "smiles", ["y"])


def test_a_missing_target_is_nan_where_it_may_be_missing(path: Path) -> None:
    _write(path, "smiles,y\nCC,1\nCO,\nCN,NA\n")
    table = read_table(path, "smiles", ["y"], missing=True)
    np.testing.assert_array_equal(table.targets, [[1], [np.nan], [np.nan]])


def test_a_file_without_lines_is_named_by_row(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    pd.DataFrame({"smiles": ["CC", "CO"], "y": ["1", "a"]}).to_parquet(path)
    with pytest.raises(RncGraphError, match=r"t\.parquet, row 2, column 'y': 'a': not a number"):
        read_table(path, "smiles", ["y"])
