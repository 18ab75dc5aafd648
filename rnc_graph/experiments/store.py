"""The run store: one folder a finished piece of work, there whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rnc_graph.errors import BadValueError, MissingFileError, WriteError
from rnc_graph.files import read_bytes

_TEMPORARY = ".unfinished-"
_RECORD, _TENSORS = "record.json", "tensors.safetensors"

# Of one file, written or read: an edited folder must not fill the memory.
_MOST_BYTES = 4_000_000_000


class DamagedFileError(BadValueError):
    """A file of results that is not as it was written: truncated, edited, or with flipped bits."""


def _damaged(path: Path, reason: object) -> DamagedFileError:
    return DamagedFileError(
        f"{path}: damaged or edited since `rnc-graph run` wrote it, which makes it again: {reason}"
    )


def digest(identity: Mapping[str, Any]) -> str:
    """Return a short name for all that determines a result."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def sealed_text(content: Mapping[str, Any], name: str) -> str:
    """Return JSON with a digest of content and name, which :func:`read_sealed` checks."""
    return json.dumps({**content, "sha256": _seal(content, name)}, indent=1, sort_keys=True) + "\n"


def read_sealed(path: Path, name: str) -> dict[str, Any]:
    """Read what :func:`sealed_text` made; raises :class:`DamagedFileError` if it has changed."""
    content = read_json(path)
    found = content.pop("sha256", None)
    if found != _seal(content, name):
        raise _damaged(path, "its digest differs")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Read a mapping; raises :class:`DamagedFileError` if the file is no JSON."""
    text = read_bytes(path, _MOST_BYTES)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(content, dict):
        raise _damaged(path, "expected a mapping")
    return content


def _seal(content: Mapping[str, Any], name: str) -> str:
    as_read = json.loads(json.dumps(content))
    text = json.dumps([name, as_read], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """Records (JSON) and tensors (safetensors) by key.

    An entry is written into a folder of its own and renamed when complete, so a
    killed process leaves no half of one. Its record has digests of itself and of the tensors, which
    are checked whenever they are read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def checkpoints(self) -> Path:
        """Folder for the states of unfinished tasks."""
        return self.folder / ".checkpoints"

    def unfinished(self, name: str) -> Path:
        """Return a folder for this process that is cleared with what killed ones leave."""
        return self.folder / f"{_TEMPORARY}{name}-{os.getpid()}"

    def has(self, key: str) -> bool:
        """Return whether there is an entry."""
        return (self.folder / key).is_dir()

    def keys(self) -> set[str]:
        """Return the names of all entries."""
        try:
            return {e.name for e in os.scandir(self.folder) if not e.name.startswith(".")}
        except FileNotFoundError:
            return set()

    def damaged(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the reason for each entry that is there and cannot be used."""
        found: dict[str, str] = {}
        for key in self.keys().intersection(keys):
            if not self.has(key):
                found[key] = f"{self.folder / key}: expected a folder"
                continue
            try:
                self._checked(key)
            except (BadValueError, MissingFileError) as error:
                found[key] = str(error)
        return found

    def discard_damaged(self, keys: Iterable[str], say: Callable[[str], None]) -> set[str]:
        """Remove damaged entries and report them; return their keys."""
        damaged = self.damaged(keys)
        for key in damaged:
            path = self.folder / key
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if damaged:
            say("\n".join(["damaged results, which are computed again:", *damaged.values()]))
        return set(damaged)

    def record(self, key: str) -> dict[str, Any]:
        """Read an entry's record; raises :class:`DamagedFileError` if it has changed."""
        content = read_sealed(self.folder / key / _RECORD, key)
        del content["tensors_sha256"]
        return content

    def tensors(self, key: str) -> dict[str, Tensor]:
        """Read an entry's tensors; raises :class:`DamagedFileError` if they have changed."""
        tensors: dict[str, Tensor] = load(self._checked(key))
        return tensors

    def _checked(self, key: str) -> bytes:
        """Return the file of tensors, with its digest checked and the record's."""
        path = self.folder / key / _TENSORS
        expected = read_sealed(self.folder / key / _RECORD, key)["tensors_sha256"]
        content = read_bytes(path, _MOST_BYTES)
        if hashlib.sha256(content).hexdigest() != expected:
            raise _damaged(path, "its digest differs")
        return content

    def put(self, key: str, record: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write an entry; where it exists already, it stays as it is.

        Raises:
            WriteError: the folder cannot be written to, the disk is full, or the entry is larger
                than what is read.
        """
        unfinished = self.unfinished(key)
        # Copies: safetensors refuses tensors that share memory.
        copies = {k: t.clone(memory_format=torch.contiguous_format) for k, t in tensors.items()}
        try:
            unfinished.mkdir(parents=True)
            content = save(copies)
            if len(content) > _MOST_BYTES:
                raise WriteError(
                    f"{self.folder / key}: expected results of at most {_MOST_BYTES:,} bytes, got "
                    f"{len(content):,}"
                )
            (unfinished / _TENSORS).write_bytes(content)
            sealed = {**record, "tensors_sha256": hashlib.sha256(content).hexdigest()}
            (unfinished / _RECORD).write_text(sealed_text(sealed, key), encoding="utf-8")
            if not self.has(key):
                unfinished.rename(self.folder / key)
        except WriteError:
            raise
        except (OSError, SafetensorError) as error:
            raise WriteError(f"{self.folder}: cannot write results here: {error}") from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a store for one process, and clear what a killed one left unfinished.

    Raises:
        RncGraphError: another process holds it, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("w")
    except OSError as error:
        raise WriteError(f"{folder}: cannot write results here: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise WriteError(f"{folder}: another process is writing results here") from None
        _clear(folder)
        try:
            yield
        finally:
            _clear(folder)


def _clear(folder: Path) -> None:
    """Remove what killed processes left unfinished."""
    for leftover in folder.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(leftover, ignore_errors=True)
