"""Lines of a text file of any length, in flat memory."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from rnc_graph.errors import BadValueError, MissingFileError, unreadable

BLOCK = 1 << 20
# Python's csv refuses cells beyond this; no line of a table of molecules is longer.
LONGEST_LINE = 131_072


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
