"""A table of any kind, by its suffix: text, SDF, Excel, Parquet, a pipe or a data frame."""

import os
import re
import shutil
import stat
import sys
import tempfile
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnc_graph.data.reading.numbers import Percentage
from rnc_graph.data.reading.sdf import open_sdf
from rnc_graph.data.reading.source import (
    Chunk,
    Row,
    TableSource,
    as_text,
    chunked,
    named_columns,
    open_frame,
    text_frame,
    without_empty_end,
)
from rnc_graph.data.reading.text import open_delimited
from rnc_graph.errors import (
    BadValueError,
    FileError,
    MissingFileError,
    unreadable,
)
from rnc_graph.extras import import_extra

# Bytes of a workbook's texts, which are held in memory, and of all of it.
_MOST_TEXT = 100_000_000
_MOST_SHEET = 2_000_000_000

STANDARD_INPUT = Path("-")
# The first bytes of what a pipe may hold besides text, and the suffix of such a file.
_MAGIC = {b"\x1f\x8b": ".csv.gz", b"PK\x03\x04": ".xlsx", b"PAR1": ".parquet"}
# What a cell's format shows as it stands there: a "%" in it multiplies nothing.
_LITERAL = re.compile(r'"[^"]*"|\\.')
_PACKED = re.compile(rb"BZh[1-9]1AY&SY|\xfd7zXZ|\(\xb5/\xfd")


def open_table(source: Path | pd.DataFrame) -> TableSource:
    """Open a table by its suffix; an unknown suffix is read as delimited text.

    What can be read only once (a pipe, "-" for standard input) is copied to a temporary file.

    Raises:
        RncGraphError: it is missing, damaged, or has no columns.
    """
    if isinstance(source, pd.DataFrame):
        return open_frame(source)
    if source == STANDARD_INPUT or not _is_regular(source):
        return _spooled(source)
    suffixes = [suffix.lower() for suffix in source.suffixes]
    suffix = next((s for s in reversed(suffixes) if s != ".gz"), "")
    if suffix in {".xlsx", ".xlsm"}:
        return open_excel(source)
    if suffix in {".parquet", ".pq"}:
        return open_parquet(source)
    if suffix in {".sdf", ".sd"}:
        return open_sdf(source)
    if suffix == ".xls":
        raise BadValueError(f"{source}: the old Excel format is not read; save it as .xlsx or .csv")
    _check_text(source)
    return open_delimited(source, suffix)


def _check_text(path: Path) -> None:
    """Raise :class:`BadValueError` for a file of another kind than its name says."""
    try:
        with path.open("rb") as file:
            start = file.read(10)
            file.seek(-min(4, len(start)), os.SEEK_END)
            end = file.read()
    except OSError:  # Reading it says why.
        return
    for magic, suffix in _MAGIC.items():
        # A column may be called PAR1, a protein.
        found = start.startswith(magic) and (magic != b"PAR1" or end == magic)
        if found and not (suffix == ".csv.gz" and path.suffix.lower() == ".gz"):
            packed = ", or unpack it if it is a zip file" if suffix == ".xlsx" else ""
            raise BadValueError(
                f"{path}: is no text, but begins as a file {suffix} does: rename it{packed}"
            )
    if _PACKED.match(start):
        raise BadValueError(f"{path}: is packed; unpack it, or pack it with gzip as .csv.gz")


def _is_regular(path: Path) -> bool:
    """Return whether a path can be opened again and again, or does not exist."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return True
    if stat.S_ISDIR(mode):
        raise FileError(f"{path}: expected a file, got a folder")
    return stat.S_ISREG(mode)


class _Folder:
    """A folder that goes with its last reference, and with the process at the latest."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rnc-graph-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@contextmanager
def _named(name: str, copy: Path) -> Iterator[None]:
    """Say in errors what a table is called, not its copy."""
    try:
        yield
    except (BadValueError, FileError) as error:
        error.args = (str(error).replace(str(copy), name),)
        raise


def _spooled(source: Path) -> TableSource:
    name = "standard input" if source == STANDARD_INPUT else str(source)
    folder = _Folder()
    copy = folder.path / name.replace("/", "-")
    try:
        with copy.open("wb") as written:
            if source == STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, written)
            else:
                with source.open("rb") as pipe:
                    shutil.copyfileobj(pipe, written)
    except OSError as error:
        raise unreadable(Path(name), error) from error
    with copy.open("rb") as file:
        start = file.read(4)
    suffix = next((suffix for magic, suffix in _MAGIC.items() if start.startswith(magic)), "")
    copy = copy.rename(copy.with_name(copy.name + suffix))
    with _named(name, copy):
        table = open_table(copy)
    table.name = name
    read = table.read

    def chunks(size: int) -> Iterator[Chunk]:
        assert folder  # It holds the copy, which goes when nothing reads it any more.
        with _named(name, copy):
            yield from read(size)

    table.read = chunks
    return table


def _library(module: str, extra: str, path: Path) -> Any:
    """Import what reads a file; raises an error for a missing package, or a missing file."""
    found = import_extra(module, extra, f"{path}: reading it")
    if not path.exists():
        raise MissingFileError(f"{path}: no such file")
    return found


def _check_unpacked(path: Path) -> None:
    """Raise :class:`RncGraphError` for a workbook that would unpack to more than memory holds."""
    try:
        with zipfile.ZipFile(path) as book:
            # The sheet is read row by row, its texts are held.
            held = sum(i.file_size for i in book.infolist() if "/worksheets/" not in i.filename)
            whole = sum(info.file_size for info in book.infolist())
    except Exception:  # zipfile raises errors of many kinds; reading the workbook gives the reason.
        return
    for size, largest in ((held, _MOST_TEXT), (whole, _MOST_SHEET)):
        if size > largest:
            raise BadValueError(
                f"{path}: unpacks to {size:,} bytes, expected at most {largest:,}; save it as .csv"
            )


def open_excel(path: Path) -> TableSource:
    """Open the first sheet of a workbook; raises :class:`RncGraphError`."""
    openpyxl = _library("openpyxl", "excel", path)
    _check_unpacked(path)

    def rows() -> Iterator[tuple[int, list[str]]]:
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheet = book.worksheets[0]
                sheet.reset_dimensions()  # Some programs write wrong ones.
                for line, cells in enumerate(sheet.iter_rows(), start=1):
                    yield line, [_cell_text(cell) for cell in cells]
            finally:
                book.close()
        # A damaged workbook raises whatever its zip, XML or cells run into.
        except Exception as error:
            raise BadValueError(f"{path}: cannot be read as Excel: {error}") from error

    reading = rows()
    first = next((row for row in reading if any(row[1])), None)
    reading.close()  # type: ignore[attr-defined]
    if first is None:
        raise BadValueError(f"{path}: its first sheet is empty")
    top, header = first
    while not header[-1]:
        header.pop()
    notes = ["the first sheet is read"]
    columns = named_columns(header, str(path), notes)
    width = len(columns)

    def table() -> Iterator[Row]:
        for line, cells in rows():
            if line <= top:
                continue
            if any(cells[width:]):
                text = "\t".join(cells)
                yield Row(None, line, f"cells beyond the {width} columns of the header", text)
            elif cells[:width] == header:
                yield Row(None, line, "the header once more", "\t".join(cells))
            elif not any(cells):
                yield Row(None, line, "a blank line")
            else:
                yield Row((cells + [""] * width)[:width], line)

    return TableSource(
        str(path), columns, lambda size: chunked(without_empty_end(table()), columns, size), notes
    )


def _cell_text(cell: Any) -> str:
    value, shown = cell.value, cell.number_format or ""
    if isinstance(value, int | float) and "%" in _LITERAL.sub("", shown):
        return Percentage(value)
    return as_text(value)


def open_parquet(path: Path) -> TableSource:
    """Open a Parquet file; raises :class:`RncGraphError`."""
    parquet = _library("pyarrow.parquet", "parquet", path)
    arrow = _library("pyarrow", "parquet", path)
    try:
        with parquet.ParquetFile(path) as file:
            # pandas keeps the index of a filtered frame as a column of such a name.
            names = [n for n in file.schema_arrow.names if not n.startswith("__index_level_")]
    except (OSError, arrow.ArrowException) as error:
        raise BadValueError(f"{path}: cannot be read as Parquet: {error}") from error
    notes: list[str] = []
    columns = named_columns(names, str(path), notes)
    if not columns:
        raise BadValueError(f"{path}: has no columns")

    def read(size: int) -> Iterator[Chunk]:
        first = 1
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=size):
                    # Objects, so that integers beside missing ones do not turn into floats.
                    frame = batch.to_pandas(integer_object_nulls=True, ignore_metadata=True)[names]
                    yield Chunk(
                        text_frame(frame, columns), np.arange(first, first + len(frame)), None
                    )
                    first += len(frame)
        except (OSError, arrow.ArrowException) as error:
            raise BadValueError(f"{path}: cannot be read as Parquet: {error}") from error

    return TableSource(str(path), columns, read, notes)
