"""Delimited text (CSV, TSV, SMI), in flat memory however long the file or a line of it is."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from rnc_graph.data.reading.columns import is_molecule
from rnc_graph.data.reading.numbers import parse_number
from rnc_graph.data.reading.source import (
    Chunk,
    Row,
    TableSource,
    chunk_of,
    frame_of,
    named_columns,
)
from rnc_graph.errors import BadValueError, MissingFileError, unreadable

BLOCK = 1 << 20
# Python's csv refuses longer cells; no line of a table of molecules is longer.
LONGEST_LINE = 131_072
# A quoted cell has at most so many lines: beyond, its quote was never closed.
MOST_LINES = 100
DELIMITERS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'", " ": "spaces"}
_QUOTED = re.compile(r'"[^"]*"')
_SMI = (".smi", ".smiles")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked if its name ends in .gz; raises :class:`RncGraphError`."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as file:
                yield cast(BinaryIO, file)
        else:
            with path.open("rb") as file:
                yield file
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such file") from None
    except EOFError:
        raise BadValueError(f"{path}: breaks off: the gzip file is not whole") from None
    except gzip.BadGzipFile as error:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        if packed:
            raise BadValueError(f"{path}: the gzip file is damaged: {error}") from None
        raise BadValueError(f"{path}: its name ends in .gz, but it is no gzip file") from None
    except zlib.error as error:
        raise BadValueError(f"{path}: the gzip file is damaged: {error}") from None
    except OSError as error:
        raise unreadable(path, error) from None


def line_blocks(path: Path) -> Iterator[tuple[list[str], list[int]]]:
    """Yield lists of lines with their ends, and which of them (from 0) are not UTF-8.

    Those are read as Latin-1. A line beyond ``LONGEST_LINE`` is cut to one character more.
    """
    with opened(path) as file:
        for block in _whole_lines(_utf8(file)):
            try:
                yield list(io.StringIO(block.decode(), newline="")), []
            except UnicodeDecodeError:
                yield _mixed(block)


def _mixed(block: bytes) -> tuple[list[str], list[int]]:
    lines: list[str] = []
    odd: list[int] = []
    for raw in block.splitlines(keepends=True):
        try:
            lines.append(raw.decode())
        except UnicodeDecodeError:
            odd.append(len(lines))
            lines.append(raw.decode("latin-1"))
    return lines, odd


def _utf8(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of the file as UTF-8 without a byte-order mark."""
    start = file.read(BLOCK)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        while start:
            yield decoder.decode(start).encode()
            start = file.read(BLOCK)
        yield decoder.decode(b"", final=True).encode()
        return
    start = start.removeprefix(codecs.BOM_UTF8)
    while start:
        yield start
        start = file.read(BLOCK)


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut the stream anew, so that each block ends with a line."""
    rest = b""
    skipping = False
    for block in blocks:
        whole = rest + block
        # A \r at the very end may be half of \r\n.
        end = max(whole.rfind(b"\n"), whole.rfind(b"\r", 0, len(whole) - 1)) + 1
        done, rest = whole[:end], whole[end:]
        if skipping and done:
            first = done.splitlines(keepends=True)[0]
            done = done[len(first) :]
            skipping = False
        elif skipping:
            rest = rest[-1:]  # It may be the \r of a \r\n.
        if done:
            yield done
        if not skipping and len(rest) > BLOCK:
            yield rest[: LONGEST_LINE + 1] + b"\n"
            skipping, rest = True, rest[-1:]
    if rest and not skipping:
        yield rest


def open_delimited(path: Path, suffix: str) -> TableSource:
    """Open a delimited text file of the kind ``suffix``; raises :class:`RncGraphError`."""
    blocks = line_blocks(path)
    start, odd = next(blocks, ([], []))
    blocks.close()  # type: ignore[attr-defined]
    # A tab or a space is an empty first cell of a table, but nothing in a file of SMILES.
    ends = None if suffix in _SMI else "\r\n"
    blank = next((i for i, line in enumerate(start) if line.strip(ends)), len(start))
    if blank == len(start):
        raise BadValueError(f"{path}: cannot be read as CSV: it is empty")
    start = start[blank:]
    notes: list[str] = []
    delimiter = guess_delimiter(start[:20], suffix)
    smi = suffix in _SMI and delimiter in " \t"
    if delimiter != ("\t" if suffix in {".tsv", ".tab"} else ","):
        notes.append(f"columns are separated by {DELIMITERS[delimiter]}")
    if smi:
        header, used = _spoiled(start[0]) or _smi_header(start, delimiter), 1
    else:
        header, used = _record(start, 0, delimiter)
    if isinstance(header, str):
        hint = "; a table is text: unpack it, or save it as UTF-8" if "NUL" in header else ""
        raise BadValueError(f"{path}, line {blank + 1}: its header cannot be read: {header}{hint}")
    if is_molecule(header[0]) if smi else _is_data(header):
        notes.append("the first line is taken as a row: there is no header")
        columns, header, used = [f"column {i + 1}" for i in range(len(header))], [], 0
    else:
        columns = named_columns(header, str(path), notes)
    reader = _Reader(path, columns, header, delimiter, blank + used, smi)
    reader.source.notes += notes
    if any(i < blank + used for i in odd):
        reader.not_utf8(odd[0] + 1)
    return reader.source


def _smi_header(lines: Sequence[str], delimiter: str) -> list[str]:
    """Return the first cells of a SMI file: what follows the first blank of a row is a name.

    A header, or numbers, may name further columns; the last one then has the rest of each row.
    """
    header = lines[0].strip().split(None if delimiter == " " else "\t")
    if is_molecule(header[0]) and not all(map(_is_number, header[1:])):
        return lines[0].strip().split(None, 1)
    if len(header) == 1 and any(len(line.split(None, 1)) > 1 for line in lines):
        return [*header, "name"]
    return header


def guess_delimiter(lines: Sequence[str], suffix: str) -> str:
    """Return what separates the columns: in the header, and as often in most lines below it."""
    bare = [_QUOTED.sub("", line) for line in lines]
    own = {".tsv": "\t", ".tab": "\t"}.get(suffix, ",")

    def score(delimiter: str) -> tuple[int, bool, int]:
        count = bare[0].count(delimiter)
        alike = sum(line.count(delimiter) == count for line in bare)
        return (alike if count else 0), delimiter == own, count

    if suffix in _SMI:
        # Names may hold any delimiter: a SMILES holds none.
        first = re.search(r"[\s,;|]", bare[0].strip())
        return first[0] if first and first[0] in DELIMITERS else " "
    return max((d for d in DELIMITERS if d != " "), key=score)


def _is_data(header: Sequence[str]) -> bool:
    """Return whether a first line is a molecule with numbers, or a molecule alone."""
    numbers = [cell for cell in header if _is_number(cell)]
    if not numbers and len(header) > 1:
        return False
    return any(is_molecule(cell) for cell in header if cell not in numbers)


def _is_number(cell: str) -> bool:
    try:
        return parse_number(cell) == parse_number(cell)
    except ValueError:
        return False


def _spoiled(line: str) -> str:
    if len(line) > LONGEST_LINE:
        return f"a line of more than {LONGEST_LINE} characters"
    return "a NUL character" if "\0" in line else ""


def _record(lines: Sequence[str], at: int, delimiter: str) -> tuple[list[str] | str, int]:
    """Return the cells of the record that begins at a line, or why it has none; and its lines."""
    if spoiled := _spoiled(lines[at]):
        return spoiled, 1
    reader = csv.reader(islice(lines, at, at + MOST_LINES), delimiter=delimiter, strict=True)
    try:
        return next(reader), reader.line_num
    except csv.Error as error:
        closed = "expected after" in str(error) and reader.line_num == 1
        return ("text after a closing quote" if closed else "a quote that is never closed"), 1


@dataclass
class _Reader:
    """Rows of one file; ``skip`` lines come before them."""

    path: Path
    columns: list[str]
    header: list[str]
    delimiter: str
    skip: int
    smi: bool

    def __post_init__(self) -> None:
        self.source = TableSource(str(self.path), self.columns, self.chunks)

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
            full = next((i for i in range(len(rows), 0, -1) if not rows[i - 1].is_empty), 0)
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
        if self.smi or not any('"' in line for line in islice(lines, begin, end)):
            return end
        at = begin
        while at < end:
            at += self._fitting(lines, at)[1] if '"' in lines[at] else 1
        return at

    def _fitting(self, lines: Sequence[str], at: int) -> tuple[list[str] | str, int]:
        if self.smi:
            return _spoiled(lines[at]) or self._smi_cells(lines[at]), 1
        cells, used = _record(lines, at, self.delimiter)
        if used > 1 and len(cells) != len(self.columns):
            # A stray quote that met another one further down must not swallow the lines between.
            return "a quote that is never closed", 1
        return cells, used

    def _smi_cells(self, line: str) -> list[str]:
        if not line.strip():
            return []
        width = len(self.columns)
        separator = "\t" if self.delimiter == "\t" and width > 2 else None
        # Lines may be indented; but what is no molecule is the name of a row without SMILES.
        indented = width > 1 and line[0].isspace() and not separator
        bare = indented and not is_molecule(line.split(None, 1)[0])
        cells = [""] * bare + [cell.strip() for cell in line.split(separator, width - 1 - bare)]
        return cells[:width] + [""] * (width - len(cells))

    def _plain(self, lines: list[str]) -> list[list[str]] | None:
        """Return the cells of lines that are all in order, else None; the quick way."""
        if self.smi:
            return None
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
