"""Atomic writes, and the folders that the package ships."""

import os
import re
import secrets
import shutil
import socket
import stat
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from rnc_graph.errors import BadValueError, RncGraphError, WriteError, unreadable

if sys.platform != "win32":
    import fcntl

T = TypeVar("T")

# The files of a model's or encoder's folder, and what an evaluation or comparison adds to it.
OWN_FILES = frozenset(
    (
        *("config.json", "model.safetensors", "split.json", "bad_rows.csv", "README.md"),
        *("predictions.csv", "predictions.png", "error_against_distance.png", "worst.png"),
        *("calibration.png", "learning_curve.csv", "learning_curve.png", "metrics.json"),
        *("comparison.md", "comparison.png"),
        *("encoder.json", "encoder.safetensors", "history.json"),
    )
)

# No user's own file ends like this.
_TEMPORARY = ".rnc_graph.tmp"

_PACKAGE = Path(__file__).parent


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it replaces ``path`` if the block succeeds.

    A link stays one: the file that it leads to is replaced. A file keeps its permissions.

    Raises:
        WriteError: the disk is full, or the folder cannot be written to.
    """
    given, path = path, linked(path)
    writer = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name}.{writer}{_TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if path.exists():
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except OSError as error:
        # That a write failed comes without the name of the file, or with that of the temporary one.
        own = (None, str(temporary), str(path.parent))
        if not isinstance(error, RncGraphError) and error.filename in own:
            raise WriteError(f"{given}: cannot be written: {error.strerror or error}") from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def linked(path: Path) -> Path:
    """Return where a link leads, and any other path as it is."""
    with suppress(OSError, RuntimeError):  # A link may lead to itself.
        return path.resolve()
    return path


def read_bytes(path: Path, most: int) -> bytes:
    """Read a regular file of at most ``most`` bytes: no pipe that blocks, none that fills memory.

    Raises:
        BadValueError: it is no regular file, or a larger one.
        FileError: it cannot be read.
    """
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= most:
            return path.read_bytes()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise BadValueError(f"{path}: expected a regular file")
    raise BadValueError(f"{path}: expected at most {most:,} bytes, got {found.st_size:,}")


@cache
def _host() -> str:
    """Return what tells apart computers, and containers, whose process numbers may be equal."""
    name = socket.gethostname()
    with suppress(OSError):  # Linux alone has it.
        name += os.readlink("/proc/self/ns/pid")
    return sha256(name.encode()).hexdigest()[:8]


def remove_leftovers(folder: Path, name: str = "*") -> None:
    """Remove what :func:`atomic_path` left of a file, or of any, where processes were killed.

    Whether a process runs is known on its own host alone: what others left stays.
    """
    if sys.platform == "win32":  # A process cannot be asked for there without a library.
        return
    # Earlier versions wrote the process alone.
    writer = rf"(?:{_host()}-)?(\d+)(?:-[0-9a-f]{{8}})?"
    ending = re.compile(rf"\.{writer}{re.escape(_TEMPORARY)}(\.rows)?$")
    for left in folder.glob(f".{name if name == '*' else escape(name)}.*{_TEMPORARY}*"):
        found = ending.search(left.name)
        if found and not _runs(int(found[1])):
            left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        with suppress(PermissionError):  # It is another user's.
            os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    return True


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8, with Unix line ends on every system."""
    write_bytes(path, text.encode())


def check_output_folder(folder: Path, written: Collection[str] = (), ours: bool = False) -> None:
    """Check that a folder can be written into, and that no files of others are replaced there.

    The folder is not made.

    Args:
        folder: where to write.
        written: the names of the files that are replaced.
        ours: whether an earlier call wrote them.

    Raises:
        BadValueError: the folder has some of the files, which are not ours.
        WriteError: it cannot be written to.
    """
    found = [name for name in written if (folder / name).exists()]
    if found and not ours:
        raise BadValueError(
            f"{folder}: its {found[0]} would be replaced, and was not made by this command; name "
            "another folder with --out"
        )
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise WriteError(f"{folder}: cannot be written to: {above} is no folder, or read-only")


def resource_dir(name: str) -> Path:
    """Return the folder ``name`` ("datasets" or "experiments") of the wheel or of the checkout."""
    inside = _PACKAGE / "_resources" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder that takes the place of ``path`` as one when the block ends well.

    The path is locked meanwhile. With ``overwrite``, files of the old folder that the new one lacks
    stay, unless this package wrote them: those with a name of ``OWN_FILES``. A link to a folder
    stays one. An old folder that a killed process moved away is put back first.

    Raises:
        RncGraphError: the folder is not empty and may not be overwritten, it is the current folder
            or a mount point, or another process is writing to it.
    """
    if path.is_dir() and Path.cwd().is_relative_to(path.resolve()):
        raise BadValueError(f"{path}: expected a folder that can be replaced, got the current one")
    if path.resolve().is_mount():
        raise BadValueError(
            f"{path}: expected a folder that can be replaced, got a mount point; name a folder "
            f"inside it, such as {path / 'out'}"
        )
    given, path = path, path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.rnc_graph."
    with locked(path):
        # Of a process that was killed. What is drawn has no dot, so that no folder of a longer name
        # matches.
        left = escape(prefix) + "[a-z0-9_]" * 8
        for old in path.parent.glob(f"{left}.old"):
            _end_replacing(old, path)
        for unfinished in path.parent.glob(f"{left}.tmp"):
            shutil.rmtree(unfinished, ignore_errors=True)
        if path.is_dir() and any(path.iterdir()) and not overwrite:
            raise BadValueError(
                f"{given}: is not empty; choose another folder, or give --overwrite"
            )
        temporary = path.with_name(f"{prefix}{secrets.token_hex(4)}.tmp")
        old = temporary.with_suffix(".old")
        temporary.mkdir()
        try:
            yield temporary
            if path.is_dir():
                os.rename(path, old)
            os.rename(temporary, path)
        finally:
            if old.is_dir():
                _end_replacing(old, path)
            shutil.rmtree(temporary, ignore_errors=True)


def _end_replacing(old: Path, path: Path) -> None:
    """Put a folder that was moved away back, or what the user had in it into the new one."""
    if not path.exists():
        os.rename(old, path)
        return
    for kept in old.iterdir():
        if kept.name not in OWN_FILES and not (path / kept.name).exists():
            os.rename(kept, path / kept.name)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold ``path`` against other processes; a killed one holds nothing.

    Raises:
        WriteError: another process holds it.
    """
    if sys.platform == "win32":
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    try:
        held = lock.open("w")
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error
    with held as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(lock).st_ino != os.fstat(file.fileno()).st_ino:
                raise BlockingIOError
        except (BlockingIOError, FileNotFoundError):
            raise WriteError(f"{path}: another process is writing to it") from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def csv_text(cell: T) -> T:
    """Return what :mod:`csv` can write: before Python 3.11, U+FFFD replaces NUL in a text."""
    if sys.version_info < (3, 11) and isinstance(cell, str):
        return cell.replace("\0", "\ufffd")
    return cell
