"""What is in a table, on the console and on a page."""

from pathlib import Path

import pandas as pd

from tests.shell import run

IMAGE = "<img src=x onerror=\"document.title='owned'\">"


def test_a_table_is_described(tmp_path: Path) -> None:
    smiles = ["CO", "OC", "C1CC", *("C" * length for length in range(2, 22))]
    cells = {"smiles": smiles, "y": range(23), IMAGE: [""] * 3 + [5.0] * 12 + [*range(8)]}
    pd.DataFrame({**cells, "note": "text"}).to_csv(tmp_path / "my.csv", index=False)
    done = run("data", tmp_path / "my.csv", "--out", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    for text in ("'note': not read", "'smiles': SMILES", "'y': numbers", "row 3 (line 4): 'C1CC'"):
        assert text in done.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert IMAGE not in page
    assert "1 molecule measured several times: standard deviation 0.707" in page
    assert "20 values, 2 missing" in page
    assert page.count("<li><svg") == 12


def test_without_out_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("smiles,y\nCO,1\nCC,2\n")
    assert run("data", tmp_path / "my.csv").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["my.csv"]
    (tmp_path / "words.csv").write_text("smiles,y\nCO,a\nCC,b\n")
    assert "no column holds numbers" in repr(run("data", tmp_path / "words.csv").exception)
    wrong = run("data", tmp_path / "my.csv", "--out", tmp_path / "page.txt")
    assert "expected a name that ends in .html" in repr(wrong.exception)


def test_bounds_are_counted_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    rows = ["id,smiles,y,all_bounds", "7,CO,,", "8,CC,>3.5,>10", "9,C1CC,1,<1", "10,CCC,2,"]
    (tmp_path / "my.csv").write_text("\n".join([*rows, "11,CCCC,4,", "12,CCO,<0.2,>5"]) + "\n")
    done = run("data", tmp_path / "my.csv", "--out", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    assert "'id': not read" in done.output
    assert "row 3 (line 4): 'C1CC': not a valid SMILES" in done.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "2 values, 2 bounds; of the values: mean 3" in page
    assert "0 values, 2 bounds, 2 missing; of the values: mean —" in page
