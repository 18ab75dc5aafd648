"""The run store: one folder a finished piece of work, there whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from rnc_graph.errors import WriteError

_TEMPORARY = ".unfinished-"


def digest(identity: Mapping[str, Any]) -> str:
    """Return a short name for all that determines a result."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


class Store:
    """Records (JSON) and tensors (safetensors) by key.

    An entry is written into a folder of its own beside the others and renamed when complete, so a
    killed process leaves no half of one.
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
        """Say whether the entry is complete."""
        return (self.folder / key).is_dir()

    def keys(self) -> set[str]:
        """Return the names of all complete entries."""
        try:
            return {e.name for e in os.scandir(self.folder) if not e.name.startswith(".")}
        except FileNotFoundError:
            return set()

    def record(self, key: str) -> dict[str, Any]:
        """Read an entry's record."""
        text = (self.folder / key / "record.json").read_text(encoding="utf-8")
        return dict(json.loads(text))

    def tensors(self, key: str) -> dict[str, Tensor]:
        """Read an entry's tensors."""
        tensors: dict[str, Tensor] = load_file(self.folder / key / "tensors.safetensors")
        return tensors

    def put(self, key: str, record: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write an entry; where it exists already, it stays as it is.

        Raises:
            WriteError: the folder cannot be written to, or the disk is full.
        """
        unfinished = self.unfinished(key)
        try:
            unfinished.mkdir(parents=True)
            save_file(
                # Copies: safetensors refuses tensors that share memory.
                {k: t.clone(memory_format=torch.contiguous_format) for k, t in tensors.items()},
                unfinished / "tensors.safetensors",
            )
            (unfinished / "record.json").write_text(
                json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8"
            )
            if not self.has(key):
                unfinished.rename(self.folder / key)
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
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise WriteError(f"{folder}: another process is writing results here") from None
            raise
        _clear(folder)
        try:
            yield
        finally:
            _clear(folder)


def _clear(folder: Path) -> None:
    """Remove what killed processes left unfinished."""
    for leftover in folder.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(leftover, ignore_errors=True)
