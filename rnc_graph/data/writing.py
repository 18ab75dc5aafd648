"""Tables of any length out, frame by frame: CSV, also gzipped, Parquet or Excel by the suffix."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from gzip import GzipFile
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import pandas as pd

from rnc_graph.errors import BadValueError
from rnc_graph.extras import import_extra
from rnc_graph.files import csv_text

# What an Excel sheet holds.
_MOST_ROWS = 1_048_576
_MOST_CHARACTERS = 32_767

# The package that writes each kind, and the extra that installs it.
_PACKAGES = {
    ".csv": ("pandas", ""),
    ".csv.gz": ("pandas", ""),
    ".parquet": ("pyarrow.parquet", "parquet"),
    ".xlsx": ("openpyxl", "excel"),
}


def table_suffix(path: Path, *others: str) -> str:
    """Return the suffix that says how a table is written, or one of others that are no tables.

    Raises:
        BadValueError: no table is written with it.
        MissingPackageError: what writes it is not installed.
    """
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if suffix in others:
        return suffix
    if suffix not in _PACKAGES:
        known = ", ".join([*_PACKAGES, *others])
        raise BadValueError(f"{path}: expected a name that ends in {known}, got {suffix!r}")
    module, extra = _PACKAGES[suffix]
    import_extra(module, extra, f"{path}: writing it")
    return suffix


def write_frames(path: Path, suffix: str, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames with the same columns of texts and numbers, one below the other.

    Args:
        path: the file.
        suffix: says what is written.
        frames: one at least.

    Raises:
        BadValueError: an Excel sheet does not hold so many rows, or so long a text.
    """
    if suffix == ".parquet":
        _write_parquet(path, frames)
    elif suffix == ".xlsx":
        _write_excel(path, frames)
    else:
        with path.open("wb") as file:
            if suffix == ".csv":
                _write_csv(file, frames)
            else:  # Without the name and the time, so that equal tables are equal bytes.
                with GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                    _write_csv(packed, frames)


def _write_csv(file: IO[bytes] | GzipFile, frames: Iterable[pd.DataFrame]) -> None:
    for number, frame in enumerate(frames):
        shown = frame
        if sys.version_info < (3, 11):  # As csv_text, in all cells.
            shown = frame.rename(columns=csv_text).replace("\0", "\ufffd", regex=True)
        text = shown.to_csv(index=False, header=number == 0, lineterminator="\n")
        file.write(text.encode("utf-8"))


def _write_parquet(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    writer: Any = None
    try:
        for frame in frames:
            schema = writer.schema if writer else None
            table = arrow.Table.from_pandas(frame, schema, preserve_index=False)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer:
            writer.close()


def _write_excel(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    written = 0
    try:
        for frame in frames:
            rows = [frame.columns.tolist()] * (written == 0)
            for row in [*rows, *frame.astype(object).to_numpy().tolist()]:
                if written == _MOST_ROWS:
                    raise BadValueError(
                        f"expected at most {_MOST_ROWS - 1:,} rows for Excel, got more; write a "
                        ".csv or .parquet"
                    )
                sheet.append([_excel_cell(sheet, value, written) for value in row])
                written += 1
    finally:
        sheet.close()
    book.save(path)


def _excel_cell(sheet: Any, value: Any, row: int) -> Any:
    """Return what a sheet takes for a value: a text as it is, nothing for NaN."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if not isinstance(value, str):
        return None if pd.isna(value) else value
    if len(value) > _MOST_CHARACTERS:
        raise BadValueError(
            f"row {row}: expected at most {_MOST_CHARACTERS:,} characters in a cell of Excel, got "
            f"{len(value):,}; write a .csv or .parquet"
        )
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
    cell.data_type = "s"  # A text that begins with = is no formula.
    return cell
