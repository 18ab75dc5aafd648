"""What every kind of table is read as: chunks of rows of text."""

import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.data.reading.numbers import Number
from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class Row:
    """One row: its cells, None where there are none, or a problem and the text that has it."""

    cells: list[str] | None
    line: int | None = None
    problem: str = ""
    found: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing."""
        return not self.found and not any(self.cells or [])


@dataclass(frozen=True)
class Chunk:
    """B consecutive rows of a table.

    Attributes:
        frame: (B, columns) cells as text, "" for nothing; of a bad row what can be read.
        rows: (B,) numbers of the rows, from 1 below the header.
        lines: (B,) the line each row begins on, None where the source has no lines.
        problems: why a row is bad, by its number.
        found: what a bad row holds, by its number.
    """

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    lines: NDArray[np.int64] | None
    problems: dict[int, str] = field(default_factory=dict)
    found: dict[int, str] = field(default_factory=dict)


@dataclass
class TableSource:
    """A table, which is read again whenever its chunks are iterated over.

    Attributes:
        name: of the table in messages.
        columns: its columns, each name once.
        read: yields chunks of at most the given number of rows.
        notes: what was guessed; reading may add to it.
        not_utf8_line: the first line that was read as Latin-1.
    """

    name: str
    columns: list[str]
    read: Callable[[int], Iterator[Chunk]]
    notes: list[str] = field(default_factory=list)
    not_utf8_line: int | None = None

    def chunks(self, rows: int = 10_000) -> Iterator[Chunk]:
        """Yield all rows in order; raises :class:`RncGraphError` for a file that breaks off."""
        if rows < 1:
            raise BadValueError(f"{self.name}: expected chunks of at least 1 row, got {rows}")
        return self.read(rows)


def frame_of(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows of text as a data frame of objects: one block, however many columns."""
    values = np.empty((len(cells), len(columns)), dtype=object)
    values[:] = cells
    return pd.DataFrame(values, columns=list(columns), dtype=object)


def chunked(rows: Iterable[Row], columns: Sequence[str], size: int) -> Iterator[Chunk]:
    """Gather rows into chunks of ``size``."""
    held: list[Row] = []
    first = 1
    for row in rows:
        held.append(row)
        if len(held) == size:
            yield chunk_of(held, columns, first)
            first += size
            held = []
    if held:
        yield chunk_of(held, columns, first)


def chunk_of(rows: Sequence[Row], columns: Sequence[str], first: int) -> Chunk:
    """Return rows as the chunk that begins with row number ``first``."""
    nothing = [""] * len(columns)
    spoiled = [(first + i, row) for i, row in enumerate(rows) if row.problem]
    lines = [row.line for row in rows if row.line is not None]
    return Chunk(
        frame_of([nothing if row.cells is None else row.cells for row in rows], columns),
        np.arange(first, first + len(rows)),
        np.array(lines, dtype=np.int64) if len(lines) == len(rows) else None,
        {number: row.problem for number, row in spoiled},
        {number: row.found for number, row in spoiled},
    )


def joined(chunks: Iterable[Chunk]) -> Chunk:
    """Return one chunk or more of a table, one after another, as one."""
    chunks = list(chunks)
    lines = [chunk.lines for chunk in chunks if chunk.lines is not None]
    return Chunk(
        pd.concat([chunk.frame for chunk in chunks], ignore_index=True),
        np.concatenate([chunk.rows for chunk in chunks]),
        np.concatenate(lines) if lines else None,
        {row: problem for chunk in chunks for row, problem in chunk.problems.items()},
        {row: found for chunk in chunks for row, found in chunk.found.items()},
    )


def named_columns(header: Sequence[str], name: str, notes: list[str]) -> list[str]:
    """Return the names of a header; one without a name is called by its position.

    Raises:
        RncGraphError: a name is there twice.
    """
    columns = [cell.strip() for cell in header]
    for position, column in enumerate(columns, start=1):
        if not column:
            columns[position - 1] = f"column {position}"
            notes.append(f"column {position} has no name in the header: called 'column {position}'")
    seen: dict[str, int] = {}
    for position, column in enumerate(columns, start=1):
        if column in seen:
            raise BadValueError(
                f"{name}: its header has two columns {column!r}, at positions {seen[column]} and "
                f"{position}; rename one"
            )
        seen[column] = position
    return columns


def without_empty_end(rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out the rows at the end that hold nothing."""
    # Their lines alone are held: a sheet may end with a million of them.
    blank: list[int | None] = []
    for row in rows:
        if row.is_empty:
            blank.append(row.line)
            continue
        yield from (Row(None, line, "a blank line") for line in blank)
        blank = []
        yield row


def as_text(value: Any) -> str:
    """Return the text of a cell: a :class:`Number` of a real number, without loss; "" for none."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, float):  # NumPy's float64 is one.
        return "" if math.isnan(value) else Number(repr(float(value)))
    if isinstance(value, np.float32 | Decimal):
        return "" if math.isnan(value) else Number(str(value))
    if isinstance(value, np.generic):
        return as_text(value.item())
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def text_frame(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the cells of a frame as text, with the index 0, 1, ..."""
    cells = [[as_text(v) for v in frame.iloc[:, i].array] for i in range(len(columns))]
    return frame_of(list(zip(*cells, strict=True)), columns)


def open_frame(frame: pd.DataFrame) -> TableSource:
    """Open a data frame; row n is its n-th, whatever its index. Raises :class:`RncGraphError`."""
    name = "the data frame"
    if not len(frame.columns):
        raise BadValueError(f"{name}: has no columns")
    notes: list[str] = []
    columns = named_columns([str(column) for column in frame.columns], name, notes)

    def read(size: int) -> Iterator[Chunk]:
        for begin in range(0, len(frame), size):
            part = text_frame(frame.iloc[begin : begin + size], columns)
            yield Chunk(part, np.arange(begin + 1, begin + 1 + len(part)), None)

    return TableSource(name, columns, read, notes)
