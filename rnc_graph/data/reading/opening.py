"""A table of any kind, by what it is."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from rnc_graph.data.reading.binary import open_excel, open_parquet
from rnc_graph.data.reading.delimited import open_delimited
from rnc_graph.data.reading.frames import open_frame
from rnc_graph.data.reading.sdf import open_sdf
from rnc_graph.data.reading.source import Chunk, TableSource
from rnc_graph.errors import BadValueError, FileError, unreadable

STANDARD_INPUT = Path("-")
# The first bytes of what a pipe may hold besides text, and the suffix of such a file.
_MAGIC = {b"\x1f\x8b": ".csv.gz", b"PK\x03\x04": ".xlsx", b"PAR1": ".parquet"}


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
    return open_delimited(source, suffix)


def _is_regular(path: Path) -> bool:
    """Return whether a path can be opened again and again, or does not exist."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return True
    if stat.S_ISDIR(mode):
        raise FileError(f"{path}: expected a file, got a folder")
    return stat.S_ISREG(mode)


def _spooled(source: Path) -> TableSource:
    name = "standard input" if source == STANDARD_INPUT else str(source)
    folder = tempfile.TemporaryDirectory(prefix="rnc-graph-")
    copy = Path(folder.name) / name.replace("/", "-")
    try:
        with copy.open("wb") as written:
            if source == STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, written)
            else:
                with source.open("rb") as pipe:
                    shutil.copyfileobj(pipe, written)
    except OSError as error:
        raise unreadable(source, error) from error
    with copy.open("rb") as file:
        start = file.read(4)
    suffix = next((suffix for magic, suffix in _MAGIC.items() if start.startswith(magic)), "")
    table = open_table(copy.rename(copy.with_name(copy.name + suffix)))
    table.name = name
    read = table.read

    def chunks(size: int) -> Iterator[Chunk]:
        assert folder  # It holds the copy, which goes when nothing reads it any more.
        yield from read(size)

    table.read = chunks
    return table
