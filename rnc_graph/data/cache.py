"""Arrays kept on disk: made once, verified whenever they are used, and mapped into memory.

An entry is a folder with one file for each array, ``notes.json``, and ``index.json``, which has the
size and the CRC-32 of each file and of itself.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import FileError

OnDone = Callable[[int], None]

Layout = Mapping[str, tuple[type[np.generic], tuple[int, ...]]]
"""The type of each array by name, and the shape of one of its rows."""

_INDEX, _NOTES = "index.json", "notes.json"
# An index has some hundred bytes for each array.
_LARGEST_INDEX = 2**16
_BLOCK = 2**26


class DamagedCacheWarning(UserWarning):
    """An entry of the cache cannot be used; it is made again."""


class _UnwritableError(Exception):
    """The disk is full, or what was written of an entry is gone."""


@dataclass(frozen=True)
class Entry:
    """Some rows of each array, or all of them.

    Attributes:
        arrays: the arrays by name.
        notes: lists of whatever JSON can hold, by name.
        folder: that the arrays are mapped from; None for arrays in memory.
    """

    arrays: Mapping[str, NDArray[Any]]
    notes: Mapping[str, list[Any]] = field(default_factory=dict)
    folder: Path | None = None


def cache_dir() -> Path:
    """Return ``$RNC_GRAPH_CACHE``, else ``rnc_graph`` in the user's cache folder.

    Raises:
        FileError: neither is set, and the user has no home, as in a container.
    """
    if override := os.environ.get("RNC_GRAPH_CACHE"):
        return Path(override)
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise FileError(
            "the cache has no folder, as this user has no home: set the environment variable "
            "RNC_GRAPH_CACHE to a folder"
        ) from error
    return Path(base) / "rnc_graph"


def cached(key: str, layout: Layout, make: Callable[[], Iterable[Entry]]) -> Entry:
    """Return the arrays of a key, made once and read from the cache after.

    They are written as they come and then mapped, so that large ones take little memory. One
    process writes an entry while others wait for it. A cache that cannot be written is made again
    in memory, and a damaged entry is made again: they cost time and never change the result.

    Args:
        key: name of the entry; different content needs a different one.
        layout: the arrays.
        make: returns the rows of the arrays, some at a time; their notes are concatenated too.

    Raises:
        FileError: the disk does not return what was written.
    """
    found = stored(key, layout)
    if found is not None:
        return found
    folder = cache_dir() / key
    with _temporary(folder) as temporary:
        if temporary is None:
            return _joined(layout, make())
        found = stored(key, layout, warn=True)  # Another process may have written it by now.
        if found is not None:
            return found
        try:
            return _write(folder, temporary, layout, make())
        except _UnwritableError:
            return _joined(layout, make())


def stored(key: str, layout: Layout, *, warn: bool = False) -> Entry | None:
    """Return an entry of the cache; None where there is none, or it is damaged.

    ``warn`` gives a :class:`DamagedCacheWarning` for a damaged one.
    """
    folder = cache_dir() / key
    if not folder.is_dir():
        return None
    try:
        return _read(folder, layout)
    # Whatever a damaged or hostile file may lead to.
    except (OSError, ValueError, TypeError, LookupError, RecursionError, MemoryError) as error:
        if warn:
            warnings.warn(
                f"{folder}: damaged cache entry, it is made again: {error}",
                DamagedCacheWarning,
                stacklevel=3,
            )
        return None


@contextmanager
def _temporary(folder: Path) -> Iterator[Path | None]:
    """Give a temporary folder to write an entry in, under a lock; None where that is impossible."""
    name = f".{folder.name}."
    with ExitStack() as stack:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            lock = folder.parent / f"{name}lock"
            handle = stack.enter_context(lock.open("w"))
            # Whoever had the lock removes its file; a new file has another lock.
            while (locked := _locked(handle.fileno())) and not _is_there(lock, handle.fileno()):
                handle.close()
                handle = stack.enter_context(lock.open("w"))
            stack.callback(lock.unlink, missing_ok=True)
            if locked:
                for killed in folder.parent.glob(f"{name}*.tmp"):
                    shutil.rmtree(killed, ignore_errors=True)
            temporary = Path(tempfile.mkdtemp(prefix=name, suffix=".tmp", dir=folder.parent))
            stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        except OSError:
            yield None
            return
        yield temporary


def _locked(handle: int) -> bool:
    """Wait for the lock of a file; False where the system has none."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
    except (ImportError, OSError):
        return False
    return True


def _is_there(path: Path, handle: int) -> bool:
    """Return whether a path is that of an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _write(folder: Path, temporary: Path, layout: Layout, parts: Iterable[Entry]) -> Entry:
    """Write the parts as they come, move the folder to its place, and map it."""
    files = {name: [0, 0] for name in layout}  # Size and checksum.
    notes: dict[str, list[Any]] = {}
    for part in parts:
        for name, (size, checksum) in files.items():
            data = np.ascontiguousarray(part.arrays[name]).tobytes()
            _append(temporary / name, data)
            files[name] = [size + len(data), zlib.crc32(data, checksum)]
        for name, values in part.notes.items():
            notes.setdefault(name, []).extend(values)
    for name in layout:
        _append(temporary / name, b"")
    text = json.dumps(notes).encode()
    _append(temporary / _NOTES, text)
    index = json.dumps({**files, _NOTES: [len(text), zlib.crc32(text)]}).encode()
    _append(temporary / _INDEX, b"%08x\n%b" % (zlib.crc32(index), index))
    try:
        entry = _read(temporary, layout)
    except ValueError as error:
        raise FileError(f"{temporary}: cannot be read as it was written: {error}") from error
    except OSError as error:
        raise _UnwritableError from error
    try:
        shutil.rmtree(folder, ignore_errors=True)  # A damaged entry.
        os.rename(temporary, folder)
    except OSError:
        return replace(entry, folder=None)  # Still mapped, from files without a name.
    return replace(entry, folder=folder)


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise _UnwritableError from error


def _joined(layout: Layout, parts: Iterable[Entry]) -> Entry:
    """Concatenate parts in memory."""
    parts = list(parts)
    notes: dict[str, list[Any]] = {}
    for part in parts:
        for name, values in part.notes.items():
            notes.setdefault(name, []).extend(values)
    empty = {name: np.empty((0, *shape), dtype) for name, (dtype, shape) in layout.items()}
    arrays = {n: np.concatenate([empty[n], *(part.arrays[n] for part in parts)]) for n in layout}
    return Entry(arrays, notes)


def _read(folder: Path, layout: Layout) -> Entry:
    """Map the arrays of a folder, once the checksums of all its files are right.

    Raises:
        OSError, ValueError and others: it is damaged.
    """
    with (folder / _INDEX).open("rb") as file:
        checksum, _, index = file.read(_LARGEST_INDEX).partition(b"\n")
    if checksum != b"%08x" % zlib.crc32(index):
        raise ValueError(f"wrong checksum of {_INDEX}")
    files = json.loads(index)
    flat = {name: _verified(folder / name, *files[name]) for name in (*layout, _NOTES)}
    notes = json.loads(flat.pop(_NOTES).tobytes())
    arrays = {
        name: flat[name].view(dtype).reshape(-1, *shape) for name, (dtype, shape) in layout.items()
    }
    return Entry(arrays, notes, folder)


def _verified(path: Path, size: int, checksum: int) -> NDArray[np.uint8]:
    """Map the bytes of a file; raises ValueError unless size and checksum are right."""
    found = path.stat().st_size if path.is_file() else -1
    if found != size:
        raise ValueError(f"{path.name}: expected {size} bytes, got {found}")
    # An empty file cannot be mapped. Copy on write, since torch takes no read-only arrays.
    flat = np.asarray(np.memmap(path, np.uint8, mode="c")) if size else np.empty(0, np.uint8)
    running = 0
    for first in range(0, size, _BLOCK):
        running = zlib.crc32(flat[first : first + _BLOCK].data, running)
    if running != checksum:
        raise ValueError(f"{path.name}: wrong checksum")
    return flat
