"""CSV, TSV and their relatives."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from rnc_graph.data.reading.lines import LONGEST_LINE, line_blocks
from rnc_graph.data.reading.numbers import parse_number
from rnc_graph.data.reading.source import (
    Chunk,
    Row,
    TableSource,
    chunk_of,
    frame_of,
    named_columns,
)
from rnc_graph.errors import BadValueError

DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'", " ": "spaces"}
# A quoted cell runs over at most so many lines: beyond, its quote was never closed.
MOST_LINES = 100
_QUOTED = re.compile(r'"[^"]*"')


def open_delimited(path: Path, suffix: str) -> TableSource:
    """Open a delimited text file of the kind ``suffix``; raises :class:`RncGraphError`."""
    blocks = line_blocks(path)
    start, odd = next(blocks, ([], []))
    blocks.close()  # type: ignore[attr-defined]
    blank = next((i for i, line in enumerate(start) if line.strip("\r\n")), len(start))
    if blank == len(start):
        raise BadValueError(f"{path}: cannot be read as CSV: it is empty")
    start = start[blank:]
    notes: list[str] = []
    delimiter = guess_delimiter(start[:20], suffix)
    expected = "\t" if suffix in {".tsv", ".tab"} else ","
    if delimiter != expected:
        notes.append(f"columns are separated by {NAMES[delimiter]}")
    header, used = _record(start, 0, delimiter)
    if isinstance(header, str):
        raise BadValueError(f"{path}, line {blank + 1}: its header cannot be read: {header}")
    original = header
    if _is_data(header):
        notes.append("the first line is taken as a row: there is no header")
        columns = [f"column {i}" for i in range(1, len(header) + 1)]
        used = 0
        original = []
    else:
        columns = named_columns(header, str(path), notes)
    reader = _Reader(path, columns, original, delimiter, blank + used)
    source = TableSource(str(path), columns, reader.chunks, notes)
    reader.source = source
    if any(i < blank + used for i in odd):
        reader.not_utf8(odd[0] + 1)
    return source


def guess_delimiter(lines: Sequence[str], suffix: str) -> str:
    """Return what separates the columns: in the header, and as often in most lines below it."""
    candidates = [*DELIMITERS, " "] if suffix in {".smi", ".smiles"} else list(DELIMITERS)
    bare = [_QUOTED.sub("", line) for line in lines]
    own = {".tsv": "\t", ".tab": "\t"}.get(suffix, ",")

    def score(delimiter: str) -> tuple[int, bool, int]:
        count = bare[0].count(delimiter)
        alike = sum(line.count(delimiter) == count for line in bare)
        return (alike if count else 0), delimiter == own, count

    return max(candidates, key=score)


def _is_data(header: Sequence[str]) -> bool:
    """Tell whether a first line is a molecule with numbers, or a molecule alone."""
    numbers = [cell for cell in header if _is_number(cell)]
    if not numbers and len(header) > 1:
        return False
    from rnc_graph.data.reading.columns import is_molecule

    return any(is_molecule(cell) for cell in header if cell not in numbers)


def _is_number(cell: str) -> bool:
    try:
        return parse_number(cell) == parse_number(cell)
    except ValueError:
        return False


def _record(lines: Sequence[str], at: int, delimiter: str) -> tuple[list[str] | str, int]:
    """Return the cells of the record that begins at a line, or why it has none; and its lines."""
    if len(lines[at]) > LONGEST_LINE:
        return f"a line of more than {LONGEST_LINE} characters", 1
    if "\0" in lines[at]:
        return "a NUL character", 1
    reader = csv.reader(islice(lines, at, at + MOST_LINES), delimiter=delimiter, strict=True)
    try:
        return next(reader), reader.line_num
    except csv.Error as error:
        closed = "expected after" in str(error) and reader.line_num == 1
        return ("text after a closing quote" if closed else "a quote that is never closed"), 1


class _Reader:
    """Rows of one file; ``skip`` lines come before them."""

    source: TableSource

    def __init__(
        self, path: Path, columns: list[str], header: list[str], delimiter: str, skip: int
    ) -> None:
        self.path, self.columns, self.header = path, columns, header
        self.delimiter, self.skip = delimiter, skip

    def not_utf8(self, line: int) -> None:
        """Say once that a line is read as Latin-1."""
        if self.source.not_utf8_line is None:
            self.source.not_utf8_line = line
            self.source.notes.append(f"line {line} is not UTF-8: read as Latin-1, as any like it")

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield chunks of at most ``size`` rows."""
        number = 1
        # Empty rows are counted, not kept, until another row follows: those at the end go.
        blank, blank_line = 0, 0
        for lines, first in self._batches(size):
            plain = None if blank else self._plain(lines)
            if plain is not None:
                at = np.arange(len(plain))
                yield Chunk(frame_of(plain, self.columns), number + at, first + at)
                number += len(plain)
                continue
            rows = list(self._rows(lines, first))
            full = next((i for i in range(len(rows), 0, -1) if not _empty(rows[i - 1])), 0)
            if full:
                before = (Row(None, blank_line + place, "a blank line") for place in range(blank))
                following = chain(before, rows[:full])
                while part := list(islice(following, size)):
                    yield chunk_of(part, self.columns, number)
                    number += len(part)
                blank = 0
            if full < len(rows):
                blank_line = blank_line if blank else rows[full].line or 0
                blank += len(rows) - full

    def _batches(self, size: int) -> Iterator[tuple[list[str], int]]:
        """Yield at most ``size`` lines and the number of the first, with no record cut in two."""
        held: list[str] = []
        line, seen = 1, 0
        for lines, odd in line_blocks(self.path):
            for i in odd[:1]:
                self.not_utf8(seen + i + 1)
            seen += len(lines)
            held += lines
            if line <= self.skip:
                cut = min(self.skip - line + 1, len(held))
                held = held[cut:]
                line += cut
            at = 0
            while len(held) - at >= size + MOST_LINES:
                end = self._end(held, at, at + size)
                yield held[at:end], line
                line += end - at
                at = end
            held = held[at:]
        at = 0
        while at < len(held):
            end = self._end(held, at, min(at + size, len(held)))
            yield held[at:end], line
            line += end - at
            at = end

    def _end(self, lines: list[str], begin: int, end: int) -> int:
        """Return where the record that holds line ``end - 1`` ends."""
        if not any('"' in line for line in islice(lines, begin, end)):
            return end
        at = begin
        while at < end:
            at += self._fitting(lines, at)[1] if '"' in lines[at] else 1
        return at

    def _fitting(self, lines: Sequence[str], at: int) -> tuple[list[str] | str, int]:
        cells, used = _record(lines, at, self.delimiter)
        if used > 1 and len(cells) != len(self.columns):
            # A stray quote that met another one further down must not swallow the lines between.
            return "a quote that is never closed", 1
        return cells, used

    def _plain(self, lines: list[str]) -> list[list[str]] | None:
        """Return the cells of lines that are all in order, else None; the quick way."""
        try:
            cells = list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None
        width = len(self.columns)
        in_order = (
            len(cells) == len(lines)
            and all(len(row) == width for row in cells)
            and max(map(len, lines)) <= LONGEST_LINE
            and self.header not in cells
            and any(cells[-1])
            and not any("\0" in line for line in lines)
        )
        return cells if in_order else None

    def _rows(self, lines: list[str], first: int) -> Iterator[Row]:
        width, at = len(self.columns), 0
        while at < len(lines):
            cells, used = self._fitting(lines, at)
            line, text = first + at, lines[at].rstrip("\r\n")
            at += used
            if isinstance(cells, str):
                yield Row(None, line, cells, text)
            elif not cells:
                yield Row(None, line, "a blank line")
            elif len(cells) != width:
                few = "few" if len(cells) < width else "many"
                yield Row(
                    None, line, f"too {few} cells: {len(cells)}, the header has {width}", text
                )
            elif cells == self.header:
                yield Row(None, line, "the header once more", text)
            else:
                yield Row(cells, line)


def _empty(row: Row) -> bool:
    return not row.found and not any(row.cells or [])
