"""What every kind of table is read as: chunks of rows of text."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class Row:
    """One row: its cells, None where there are none, and a problem with the text it comes from."""

    cells: list[str] | None
    line: int | None = None
    problem: str = ""
    found: str = ""


@dataclass(frozen=True)
class Chunk:
    """B consecutive rows of a table.

    Attributes:
        frame: (B, columns) cells as text, "" for nothing; of a spoiled row what can be read.
        rows: (B,) numbers of the rows, from 1 below the header.
        lines: (B,) the line each row begins on, None where the source has no lines.
        problems: why a row is spoiled, by its number.
        found: the beginning of what a spoiled row holds, by its number.
    """

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    lines: NDArray[np.int64] | None
    problems: dict[int, str] = field(default_factory=dict)
    found: dict[int, str] = field(default_factory=dict)


@dataclass
class TableSource:
    """A table that is read as often as its chunks are asked for.

    Attributes:
        name: what messages call it.
        columns: its columns, each name once.
        notes: what was guessed; reading may add to it.
        read: yields chunks of at most the given number of rows.
        not_utf8_line: the first line that had to be read as Latin-1, once it was read.
    """

    name: str
    columns: list[str]
    read: Callable[[int], Iterator[Chunk]]
    notes: list[str] = field(default_factory=list)
    not_utf8_line: int | None = None

    def chunks(self, rows: int = 10_000) -> Iterator[Chunk]:
        """Yield all rows in order; raises :class:`RncGraphError` for a file that breaks off."""
        if rows < 1:
            raise BadValueError(f"{self.name}: chunks of {rows} rows; it takes 1 at least")
        return self.read(rows)


def shorten(text: str, length: int = 80) -> str:
    """Return ``text``, cut to ``length`` characters."""
    return text if len(text) <= length else text[: length - 3] + "..."


def frame_of(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows of text as a data frame of objects."""
    # By columns: several times quicker than by rows.
    turned = zip(*cells, strict=True) if cells else ([] for _ in columns)
    return pd.DataFrame(
        {
            name: np.array(list(column), dtype=object)
            for name, column in zip(columns, turned, strict=True)
        }
    )


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
        {number: shorten(row.found) for number, row in spoiled},
    )


def named_columns(header: Sequence[str], name: str, notes: list[str]) -> list[str]:
    """Return the names of a header; one without a name is called by its position.

    Raises:
        RncGraphError: a name stands there twice.
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
        if not row.found and not any(row.cells or []):
            blank.append(row.line)
            continue
        yield from (Row(None, line, "a blank line") for line in blank)
        blank = []
        yield row
