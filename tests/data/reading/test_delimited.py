import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnc_graph.data.reading import open_table
from rnc_graph.data.reading.text import BLOCK, LONGEST_LINE
from rnc_graph.errors import RncGraphError

SHARED_FOLDER = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _read(path: Path, content: bytes, rows: int = 10_000) -> tuple[pd.DataFrame, dict[int, str]]:
    path.write_bytes(content)
    chunks = list(open_table(path).chunks(rows))
    assert all(len(chunk.rows) <= rows for chunk in chunks)
    numbers = [int(row) for chunk in chunks for row in chunk.rows]
    assert numbers == list(range(1, len(numbers) + 1))
    problems = {row: why for chunk in chunks for row, why in chunk.problems.items()}
    return pd.concat([chunk.frame for chunk in chunks], ignore_index=True), problems


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)


@SHARED_FOLDER
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 5),
)
def test_what_the_csv_module_writes_is_read_back(
    tmp_path: Path, rows: list[list[str]], delimiter: str, end: str, size: int
) -> None:
    rows = [["x", *row] for row in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["smiles", "a", "b", "c"], *rows])
    frame, problems = _read(tmp_path / "t.csv", text.getvalue().encode(), size)
    assert not problems
    assert frame.to_numpy().tolist() == rows


@SHARED_FOLDER
@given(st.binary(max_size=300), st.sampled_from(["t.csv", "t.tsv", "t.csv.gz", "t.sdf", "t.smi"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        table = open_table(path)
        assert all(list(chunk.frame.columns) == table.columns for chunk in table.chunks(2))
    except RncGraphError as error:
        if str(path) not in str(error):
            raise


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"CO,2,3", "too many cells"),
        (b"CO", "too few cells"),
        (b'"CO,2', "a quote that is never closed"),
        (b'"CO"x,2', "text after a closing quote"),
        (b"smiles,y", "the header once more"),
        (b"", "a blank line"),
        (b"C\0,2", "a NUL character"),
        (b"C" * (LONGEST_LINE + 5) + b",2", "a line of more than"),
        (b"C" * (3 * BLOCK) + b",2", "a line of more than"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_spoiled_line_spoils_itself_alone(
    tmp_path: Path, line: bytes, reason: str, size: int
) -> None:
    content = b"smiles,y\nC,1\n" + line + b"\nCN,3\nCF,4\n"
    frame, problems = _read(tmp_path / "t.csv", content, size)
    assert frame["smiles"].tolist() == ["C", "", "CN", "CF"]
    assert frame["y"].tolist() == ["1", "", "3", "4"]
    assert list(problems) == [2]
    assert problems[2].startswith(reason)


def test_a_quote_that_meets_another_far_below_swallows_no_lines(tmp_path: Path) -> None:
    content = b'smiles,y\n"C,1\n' + b"CC,2\n" * 20 + b'"CO",3\n'
    frame, problems = _read(tmp_path / "t.csv", content)
    assert len(frame) == 22
    assert problems == {1: "a quote that is never closed"}


def test_rows_know_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'\nsmiles,y\n"C\nC",1\nCO,2\n\n\n')
    (chunk,) = open_table(path).chunks()
    assert chunk.lines is not None
    assert chunk.lines.tolist() == [3, 5]
    assert chunk.frame["smiles"].tolist() == ["C\nC", "CO"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    frame, _ = _read(tmp_path / "t.csv", "smiles,µ\nC,é\n".encode(encoding))
    assert frame.to_dict("list") == {"smiles": ["C"], "µ": ["é"]}


def test_what_is_not_utf8_is_read_as_latin_1_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("smiles,note\nC,\nCC,20 °C\n".encode("latin-1"))
    table = open_table(path)
    (chunk,) = table.chunks()
    assert chunk.frame["note"].tolist() == ["", "20 °C"]
    assert table.notes == ["line 3 is not UTF-8: read as Latin-1, as any like it"]


@pytest.mark.parametrize(
    ("name", "delimiter", "note"),
    [("t.csv", ",", ""), ("t.csv", ";", "';'"), ("t.tsv", "\t", ""), ("t.csv", "|", "'|'")],
)
def test_the_delimiter_is_found_and_said(
    tmp_path: Path, name: str, delimiter: str, note: str
) -> None:
    path = tmp_path / name
    path.write_text(delimiter.join(["smiles", "y"]) + "\n" + delimiter.join(["C", "1"]) + "\n")
    table = open_table(path)
    assert table.columns == ["smiles", "y"]
    assert table.notes == ([f"columns are separated by {note}"] if note else [])


def test_a_table_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("CCO,1.5\nCC,2\n")
    table = open_table(path)
    assert table.columns == ["column 1", "column 2"]
    (chunk,) = table.chunks()
    assert chunk.frame["column 1"].tolist() == ["CCO", "CC"]
    assert any("no header" in note for note in table.notes)


def test_header_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,,y\nC,1,2\n")
    assert open_table(path).columns == ["smiles", "column 2", "y"]
    path.write_text("smiles,y,y\nC,1,2\n")
    with pytest.raises(RncGraphError, match=r"two columns 'y', at positions 2 and 3"):
        open_table(path)


def test_gzip(tmp_path: Path) -> None:
    content = gzip.compress(b"smiles,y\n" + b"CCO,1\n" * 1000)
    frame, problems = _read(tmp_path / "t.csv.gz", content)
    assert (len(frame), problems) == (1000, {})
    with pytest.raises(RncGraphError, match="is not whole"):
        _read(tmp_path / "t.csv.gz", content[:-12])
    with pytest.raises(RncGraphError, match="the gzip file is damaged: CRC"):
        _read(tmp_path / "t.csv.gz", content[:-8] + b"\0" * 8)
    with pytest.raises(RncGraphError, match="the gzip file is damaged: Not a gzipped"):
        _read(tmp_path / "t.csv.gz", content + b"more")
    with pytest.raises(RncGraphError, match="no gzip file"):
        _read(tmp_path / "t.csv.gz", b"smiles,y\nC,1\n")


def test_a_long_run_of_blank_lines_is_counted_and_kept_in_place(tmp_path: Path) -> None:
    path = tmp_path / "gap.csv"
    path.write_text("smiles,y\nC,1\n" + "\n" * 5_000 + "N,2\n" + ",\n" * 3_000)
    chunks = list(open_table(path).chunks(1_000))
    rows = np.concatenate([chunk.rows for chunk in chunks])
    assert rows.tolist() == list(range(1, 5_003))
    lines = np.concatenate([chunk.lines for chunk in chunks])
    assert lines.tolist() == list(range(2, 5_004))
    assert max(len(chunk.rows) for chunk in chunks) <= 1_000
    assert sum(len(chunk.problems) for chunk in chunks) == 5_000
    assert chunks[-1].frame.iloc[-1].tolist() == ["N", "2"]


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        (
            'CCO ethyl alcohol\nCC\n\nCN 2,2"-x, "y\n',
            ["column 1", "column 2"],
            [["CCO", "ethyl alcohol"], ["CC", ""], ["", ""], ["CN", '2,2"-x, "y']],
        ),
        ("smiles name\nCCO ethyl alcohol\n", ["smiles", "name"], [["CCO", "ethyl alcohol"]]),
        (
            "smiles\nCC\nCCO ethyl alcohol\n",
            ["smiles", "name"],
            [["CC", ""], ["CCO", "ethyl alcohol"]],
        ),
        (
            "CCO\tethyl alcohol\nCC ethane\n",
            ["column 1", "column 2"],
            [["CCO", "ethyl alcohol"], ["CC", "ethane"]],
        ),
        (
            "smiles\ty\tname\nCCO\t1\tethyl alcohol\n",
            ["smiles", "y", "name"],
            [["CCO", "1", "ethyl alcohol"]],
        ),
        ("CCO 1.5\nCC 2\n", ["column 1", "column 2"], [["CCO", "1.5"], ["CC", "2"]]),
        ("CCO\nCC\n", ["column 1"], [["CCO"], ["CC"]]),
        ("CCO,1\nCC,2\n", ["column 1", "column 2"], [["CCO", "1"], ["CC", "2"]]),
        (
            "CCO m1\n m 2\n\tm3\n",
            ["column 1", "column 2"],
            [["CCO", "m1"], ["", "m 2"], ["", "m3"]],
        ),
        ("SMILES name\n CCO m1\n\tCC\n", ["SMILES", "name"], [["CCO", "m1"], ["CC", ""]]),
        ("CCO\tm1\n\tm2\n", ["column 1", "column 2"], [["CCO", "m1"], ["", "m2"]]),
        ("SMILES\ty\tname\n\t1\tm1\n", ["SMILES", "y", "name"], [["", "1", "m1"]]),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_follows_the_first_blank_of_a_smi_file_is_a_name(
    tmp_path: Path, text: str, columns: list[str], rows: list[list[str]], size: int
) -> None:
    path = tmp_path / "t.smi"
    frame, problems = _read(path, text.encode(), size)
    assert list(frame.columns) == columns
    assert frame.to_numpy().tolist() == rows
    assert list(problems.values()) == ["a blank line"] * text.count("\n\n")
