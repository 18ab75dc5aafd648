from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_graph.data.reading import open_table
from rnc_graph.data.writing import table_suffix, write_frames
from rnc_graph.errors import BadValueError

CELLS = ["=1+1", "C\N{GREEK SMALL LETTER ALPHA}", "", "007", "+1", "a,b\n"]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".xlsx"])
def test_frames_come_back_as_one_table(suffix: str, tmp_path: Path) -> None:
    values = [1.5, np.nan, -3.25, 1e-300, 2.0, 0.0]
    frame = pd.DataFrame({"text": CELLS, "value": values})
    path = tmp_path / f"t{suffix}"
    # The first part has no number at all.
    first = frame.head(2).assign(value=np.nan)
    write_frames(path, suffix, [first, frame.iloc[2:]])
    if suffix.startswith(".csv"):
        found = pd.read_csv(
            path, dtype={"text": str}, keep_default_na=False, na_values={"value": ""}
        )
    elif suffix == ".parquet":
        found = pd.read_parquet(path)
    else:
        found = pd.read_excel(path, dtype={"text": str}, keep_default_na=False, na_values=[""])
        found["text"] = found["text"].fillna("")
    assert found["text"].tolist() == CELLS
    np.testing.assert_array_equal(found["value"], [np.nan, np.nan, *values[2:]])
    if not suffix.startswith(".csv"):  # The package's own reader too.
        (chunk,) = open_table(path).chunks()
        assert chunk.frame["text"].tolist() == CELLS


def test_what_excel_cannot_hold_is_said(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["C", "C" * 40_000]})
    with pytest.raises(BadValueError, match=r"row 2: expected at most 32,767 .* got 40,000"):
        write_frames(tmp_path / "t.xlsx", ".xlsx", [frame])
    with pytest.raises(BadValueError, match=r"ends in \.csv, .* \.xlsx, got '\.txt'"):
        table_suffix(Path("t.txt"))
    with pytest.raises(BadValueError, match=r"got '\.smi\.gz'"):
        table_suffix(Path("t.smi.gz"))


def test_equal_tables_are_equal_bytes_when_packed(tmp_path: Path) -> None:
    frame, packed = pd.DataFrame({"text": CELLS}), []
    for name in ("one.csv.gz", "other.csv.gz"):
        write_frames(tmp_path / name, ".csv.gz", [frame])
        packed.append((tmp_path / name).read_bytes())
    assert packed[0] == packed[1]
