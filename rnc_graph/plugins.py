"""Python files of a user's own that register further parts."""

from __future__ import annotations

import hashlib
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.registry import entered_by, remove_parts


@dataclass(frozen=True)
class Plugin:
    """A file's path and content: what other processes load, whatever becomes of the file."""

    path: Path
    content: bytes

    @property
    def name(self) -> str:
        """What stands for the content, as the name of the Python module."""
        return f"rnc_graph_own_{hashlib.sha256(self.content).hexdigest()[:16]}"

    def load(self) -> None:
        """Run the file, so that what it registers is known; once for each content.

        What an earlier content of the same file registered goes.

        Raises:
            RncGraphError: it raises an error of its own, told by its line; nothing of it stays.
        """
        if self.name in sys.modules:
            return
        module = ModuleType(self.name)
        module.__file__ = source = str(self.path.resolve())
        earlier = [m for m in sys.modules.values() if _is_earlier(m, source)]
        for old in earlier:
            remove_parts(old.__name__)
            del sys.modules[old.__name__]
        sys.modules[self.name] = module
        try:
            with entered_by(self.name):
                exec(compile(self.content, source, "exec"), module.__dict__)
        except Exception as error:
            remove_parts(self.name)
            del sys.modules[self.name]
            line = _line_of(error, source)
            raise BadValueError(f"{self.path}{line}: {type(error).__name__}: {error}") from error


def read_plugin(path: Path) -> Plugin:
    """Read a Python file; raises :class:`RncGraphError` where that fails."""
    if path.suffix != ".py":
        raise BadValueError(f"{path}: is no Python file; its name must end in .py")
    try:
        return Plugin(path, path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error


def _is_earlier(module: ModuleType, source: str) -> bool:
    own = getattr(module, "__name__", "").startswith("rnc_graph_own_")
    return own and module.__file__ == source


def _line_of(error: Exception, source: str) -> str:
    """Return ", line N" for the last line of the file that the error passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == source]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    return f", line {line}" if line else ""
