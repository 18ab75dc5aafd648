"""Python files of a user's own that register further parts."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from rnc_graph.errors import RncGraphError

_PREFIX = "rnc_graph_own_"


def load_module(path: Path) -> None:
    """Run a Python file, so that what it registers is known; once for each content.

    Raises:
        RncGraphError: it cannot be read, or raises an error of its own.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RncGraphError(f"{path}: cannot be read: {error.strerror}") from error
    name = f"{_PREFIX}{hashlib.sha256(content).hexdigest()[:16]}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RncGraphError(f"{path}: is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        where = f"{path}, line {line}" if line else str(path)
        raise RncGraphError(f"{where}: {type(error).__name__}: {error}") from error


def content_of(part: Any) -> str | None:
    """Return what stands for the content of the user's file that defines ``part``, if one does."""
    module = str(getattr(part, "__module__", ""))
    return module.removeprefix(_PREFIX) if module.startswith(_PREFIX) else None


def _line_of(error: Exception, path: Path) -> int | None:
    """Return the last line of the file that the error passed through."""
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
