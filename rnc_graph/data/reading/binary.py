"""Excel and Parquet: files that need a library of their own."""

import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rnc_graph.data.reading.frames import as_text, text_frame
from rnc_graph.data.reading.source import (
    Chunk,
    Row,
    TableSource,
    chunked,
    named_columns,
    without_empty_end,
)
from rnc_graph.errors import BadValueError, MissingFileError, MissingPackageError

# Bytes of a workbook's texts, which are held in memory, and of all of it.
_MOST_TEXT = 100_000_000
_MOST_SHEET = 2_000_000_000


def _library(module: str, extra: str, path: Path) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingPackageError(
            f"{path}: reading it needs {module.partition('.')[0]}: pip install 'rnc-graph[{extra}]'"
        ) from None


def _checked(path: Path) -> Path:
    if not path.exists():
        raise MissingFileError(f"{path}: no such file")
    return path


def _check_unpacked(path: Path) -> None:
    """Raise :class:`RncGraphError` for a workbook that would unpack to more than memory holds."""
    try:
        with zipfile.ZipFile(path) as book:
            # The sheet is read row by row, its texts are held.
            held = sum(i.file_size for i in book.infolist() if "/worksheets/" not in i.filename)
            whole = sum(info.file_size for info in book.infolist())
    except (OSError, zipfile.BadZipFile):
        return  # Reading it gives the reason.
    for size, largest in ((held, _MOST_TEXT), (whole, _MOST_SHEET)):
        if size > largest:
            raise BadValueError(
                f"{path}: unpacks to {size:,} bytes, expected at most {largest:,}; save it as .csv"
            )


def open_excel(path: Path) -> TableSource:
    """Open the first sheet of a workbook; raises :class:`RncGraphError`."""
    openpyxl = _library("openpyxl", "excel", path)
    _checked(path)
    _check_unpacked(path)

    def rows() -> Iterator[tuple[int, list[str]]]:
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheet = book.worksheets[0]
                sheet.reset_dimensions()  # Some programs write wrong ones.
                for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                    yield line, [as_text(cell) for cell in cells]
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


def open_parquet(path: Path) -> TableSource:
    """Open a Parquet file; raises :class:`RncGraphError`."""
    parquet = _library("pyarrow.parquet", "parquet", path)
    arrow = _library("pyarrow", "parquet", path)
    _checked(path)
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
