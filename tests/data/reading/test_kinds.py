import bz2
import gzip
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from rnc_graph.data.reading import open_table
from rnc_graph.data.reading.columns import is_molecule
from rnc_graph.data.reading.molecules import read_molecules
from rnc_graph.data.reading.source import Chunk
from rnc_graph.errors import BadValueError, RncGraphError


def _whole(source: Path | pd.DataFrame) -> Chunk:
    (chunk,) = open_table(source).chunks()
    return chunk


def test_a_data_frame_keeps_its_rows_and_its_numbers() -> None:
    frame = pd.DataFrame(
        {"smiles": ["C", None], "y": [0.1, np.nan], "n": [3, 4], 7: np.array([0.1, 2], np.float32)},
        index=[5, 5],
    )
    chunk = _whole(frame)
    assert chunk.frame.to_numpy().tolist() == [
        ["C", "0.1", "3", "0.1"],
        ["", "", "4", "2.0"],
    ]
    assert chunk.rows.tolist() == [1, 2]


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
def test_excel_and_parquet(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("openpyxl" if suffix == ".xlsx" else "pyarrow")
    path = tmp_path / f"t{suffix}"
    frame = pd.DataFrame({"smiles": ["C", None, "CO"], "y": [1.5, 2.25, None], "n": [1, 2, 3]})
    write = frame.to_excel if suffix == ".xlsx" else frame.to_parquet
    write(path, index=False)
    chunks = list(open_table(path).chunks(2))
    cells = [row for chunk in chunks for row in chunk.frame.to_numpy().tolist()]
    assert cells == [["C", "1.5", "1"], ["", "2.25", "2"], ["CO", "", "3"]]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RncGraphError, match="cannot be read as"):
        open_table(path)


@pytest.mark.parametrize(("suffix", "extra"), [(".xlsx", "excel"), (".parquet", "parquet")])
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, extra: str
) -> None:
    for module in ("openpyxl", "pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(RncGraphError, match=rf"pip install 'rnc-graph\[{extra}\]'"):
        open_table(tmp_path / f"t{suffix}")


def test_sdf(tmp_path: Path) -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    path = tmp_path / "t.sdf"
    path.write_text(
        f"{block}> <y>\n1.5\n\n> <smiles>\nOCC\n\n$$$$\n"
        "broken\n\n\n  x\nM  END\n> <y>\n2\n\n$$$$\n"
        f"M-7 {block}> <late>\na\nb\n\n$$$$\n"
    )
    table = open_table(path)
    assert table.columns == ["smiles", "title", "y", "smiles (property)", "late"]
    (chunk,) = table.chunks()
    assert chunk.frame.to_numpy().tolist() == [
        ["CCO", "", "1.5", "OCC", ""],
        ["", "broken", "2", "", ""],
        ["CCO", "M-7", "", "", "a\nb"],
    ]
    assert chunk.problems == {2: "a mol block that cannot be read"}
    assert chunk.found == {2: "broken"}


def test_titles_of_an_sdf_are_names_and_no_target(tmp_path: Path) -> None:
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles("C" * n)) for n in range(1, 13)]
    path = tmp_path / "t.sdf"
    records = [f"{n}{block}> <logS>\n{n}.5\n\n$$$$\n" for n, block in enumerate(blocks)]
    path.write_text("".join(records))
    table, _, notes = read_molecules(path, id_column="title")
    assert table.target_names == ["logS"]
    assert table.ids == [str(n) for n in range(12)]
    assert "the column 'title' is made from the titles of the mol blocks" in notes
    # A property of that name is taken instead.
    path.write_text("".join(records).replace("$$$$", "> <Title>\nmine\n\n$$$$"))
    assert open_table(path).columns == ["smiles", "logS", "Title"]
    path.write_text("".join(blocks[0] + "$$$$\n" for _ in range(2)))
    assert open_table(path).columns == ["smiles"]


def test_the_index_of_a_filtered_frame_is_no_column_of_its_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"smiles": ["C", "N", "O"], "y": [1.0, 2.0, 3.0]}).iloc[[2, 0]]
    frame.to_parquet(tmp_path / "filtered.parquet")
    table = open_table(tmp_path / "filtered.parquet")
    assert table.columns == ["smiles", "y"]
    (chunk,) = table.chunks()
    assert chunk.frame["smiles"].tolist() == ["O", "C"]


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", b" " * 100_000_001)
    with pytest.raises(RncGraphError, match="unpacks to 100,000,001 bytes"):
        open_table(path)


def test_an_sdf_of_endless_records_and_properties_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "t.sdf"
    path.write_text(f"long\n{'x' * 100_000}\n" * 120 + "M  END\n$$$$\n")
    (chunk,) = open_table(path).chunks()
    assert list(chunk.problems.values()) == ["a mol block that cannot be read"]
    properties = "".join(f"> <p{n}>\n1\n\n" for n in range(5_001))
    path.write_text(f"\n\n\nM  END\n{properties}$$$$\n")
    with pytest.raises(RncGraphError, match="at most 5,000 properties"):
        open_table(path)


@pytest.mark.parametrize(("offset", "byte"), [(6, 254), (46, 0xA5)])
def test_a_workbook_with_a_damaged_directory_is_refused(
    tmp_path: Path, offset: int, byte: int
) -> None:
    """A version or a name that zipfile does not know; found by benchmarks/fuzz_readers."""
    pytest.importorskip("openpyxl")
    path = tmp_path / "spoiled.xlsx"
    pd.DataFrame({"smiles": ["CCO"], "y": [1.0]}).to_excel(path, index=False)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\1\2")
    if offset == 46:
        content[entry + 9] |= 8  # Names are UTF-8.
    content[entry + offset] = byte
    path.write_bytes(content)
    with pytest.raises(RncGraphError, match=r"spoiled\.xlsx: cannot be read as Excel"):
        open_table(path)


@pytest.mark.parametrize("counts", ["éé  0", "  éé", "a\N{GREEK SMALL LETTER ALPHA}é 1  0"])
def test_what_rdkit_says_of_a_broken_block_may_be_no_text(tmp_path: Path, counts: str) -> None:
    """Its message ends in the middle of a letter; found by benchmarks/fuzz_readers."""
    path = tmp_path / "t.sdf"
    path.write_text(f"\n\n\n{counts}\nM  END\n$$$$\n", encoding="utf-8")
    (chunk,) = open_table(path).chunks()
    assert list(chunk.problems.values()) == ["a mol block that cannot be read"]
    assert not is_molecule("CéC(é(")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "t.csv",
            gzip.compress(b"smiles,y\nC,1\n", mtime=0),
            "begins as a file .csv.gz does: rename it$",
        ),
        ("t.csv", b"PK\3\4...", r"begins as a file \.xlsx does: rename it, or unpack it"),
        ("t.txt", b"PAR1...PAR1", r"begins as a file \.parquet does"),
        (
            "t.csv.bz2",
            bz2.compress(b"smiles,y\nC,1\n"),
            "is packed; unpack it, or pack it with gzip",
        ),
        ("t.csv", "smiles,y\nC,1\n".encode("utf-16-le"), "a table is text: .* or save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadValueError, match=message):
        open_table(path)


def _workbook(path: Path, cells: list[tuple[float, str]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["smiles", "y"])
    for row, (value, shown) in enumerate(cells, start=2):
        book.active.append(["C" * row, value])
        book.active[f"B{row}"].number_format = shown
    book.save(path)
    return path


def test_percentages_of_a_workbook_are_read_as_they_are_kept(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "t.xlsx", [(0.1, "0%"), (0.125, "0.00%")])
    table, bad, notes = read_molecules(path, "smiles", ["y"])
    assert table.targets.tolist() == [[0.1], [0.125]]
    assert not bad
    assert "percentages of column 'y' are read as 0.1 for 10%" in notes


def test_a_percentage_beside_plain_numbers_is_refused(tmp_path: Path) -> None:
    """10% is kept as 0.1: the column would have two scales."""
    path = _workbook(tmp_path / "t.xlsx", [(11.0, "General"), (0.1, "0%")])
    with pytest.raises(BadValueError, match=r"'y' has percentages \(row 2\) beside plain .*row 1"):
        read_molecules(path, "smiles", ["y"])


def test_a_percent_sign_that_stands_in_a_format_is_no_percentage(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "t.xlsx", [(97.5, '0.0"%"'), (12.0, "0\\%"), (3.0, "General")])
    table, _, notes = read_molecules(path, "smiles", ["y"])
    assert table.targets.tolist() == [[97.5], [12.0], [3.0]]
    assert not any("percentages" in note for note in notes)


@pytest.mark.parametrize("name", ["PAR1_pIC50", "BZhang_set"])
def test_a_header_may_begin_as_a_packed_file_does(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},smiles\n5.0,CO\n")
    assert open_table(path).columns == [name, "smiles"]


@pytest.mark.parametrize("name", ["SMILES", "Smiles", "smiles"])
def test_a_property_of_smiles_stands_beside_those_of_the_blocks(tmp_path: Path, name: str) -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    path = tmp_path / "t.sdf"
    path.write_text(f"{block}> <{name}>\nOCC\n\n> <y>\n1\n\n$$$$\n")
    table, _, _ = read_molecules(path, None, ["y"])
    assert table.smiles == ["CCO"]
    assert "smiles (property)" in open_table(path).columns
