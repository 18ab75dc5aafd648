"""Atomic writes, and the folders that the package ships."""

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any, TypeVar

from rnc_graph.errors import BadValueError, WriteError, unreadable

T = TypeVar("T")

try:
    import fcntl as _fcntl
except ImportError:  # Windows
    fcntl: Any = None
else:
    fcntl = _fcntl

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
    """Yield a temporary path in the same folder; it replaces ``path`` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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


def remove_leftovers(folder: Path, name: str = "*") -> None:
    """Remove what :func:`atomic_path` left in a folder of processes that were killed.

    Args:
        folder: where the files were written.
        name: of the file; by default of any.
    """
    if fcntl is None:  # Windows, where a process cannot be asked for without a library.
        return
    ending = re.compile(rf"\.(\d+){re.escape(_TEMPORARY)}(\.rows)?$")
    for left in folder.glob(f".{name if name == '*' else escape(name)}.*{_TEMPORARY}*"):
        found = ending.search(left.name)
        if found and not _runs(int(found[1])):
            left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, with Unix line ends on every system."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def resource_dir(name: str) -> Path:
    """Return the folder ``name`` ("datasets" or "experiments") of the wheel or of the checkout."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder that takes the place of ``path`` as one when the block ends well.

    The path is locked meanwhile. With ``overwrite``, files of the old folder that the new one lacks
    stay, unless this package wrote them: those with a name of ``OWN_FILES``. A link to a folder
    stays one.

    Raises:
        RncGraphError: the folder is not empty and may not be overwritten, it is the current folder,
            or another process is writing to it.
    """
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise BadValueError(f"{path}: is not empty; choose another folder, or give --overwrite")
    if path.is_dir() and Path.cwd().is_relative_to(path.resolve()):
        raise BadValueError(f"{path}: expected a folder that can be replaced, got the current one")
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.rnc_graph."
    with locked(path):
        # Of a process that was killed. What mkdtemp draws has no dot, so that no folder of a longer
        # name matches.
        for left in path.parent.glob(escape(prefix) + "[a-z0-9_]" * 8 + ".tmp"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=path.parent))
        old = temporary.with_suffix(".old")
        try:
            temporary.chmod(0o777 & ~_umask())
            yield temporary
            if path.is_dir():
                os.rename(path, old)
            os.rename(temporary, path)
            if old.is_dir():
                for kept in old.iterdir():
                    if kept.name not in OWN_FILES and not (path / kept.name).exists():
                        os.rename(kept, path / kept.name)
        finally:
            if old.is_dir() and not path.exists():
                os.rename(old, path)
            for folder in (temporary, old):
                shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold ``path`` against other processes; a killed one holds nothing.

    Raises:
        WriteError: another process holds it.
    """
    if fcntl is None:  # Windows
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("w") as file:
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
