"""Plugins: Python files of the user that register further losses, encoders and transforms."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rnc_graph.errors import BadValueError, RunError
from rnc_graph.files import read_bytes
from rnc_graph.registry import entered_by, remove_parts

_MOST_BYTES = 10_000_000
_MODULE = "rnc_graph_own_"


@dataclass(frozen=True)
class PluginRecord:
    """What a trained model keeps of a plugin: the file's name and the SHA-256 of its content."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Plugin:
    """A file's path and content; worker processes load the content, even if the file changes."""

    path: Path
    content: bytes

    @property
    def name(self) -> str:
        """The name of the Python module, made of the content's hash."""
        return f"{_MODULE}{self.record.sha256[:16]}"

    @property
    def record(self) -> PluginRecord:
        """What a trained model keeps of it."""
        return PluginRecord(self.path.name, hashlib.sha256(self.content).hexdigest())

    def load(self) -> None:
        """Run the file, unless this content has been run; an earlier content is unregistered.

        Raises:
            BadValueError: the file raises an error; the message names its line, and nothing
                that the file registered is kept.
        """
        if self.name in sys.modules:
            return
        module = ModuleType(self.name)
        module.__file__ = source = str(self.path.resolve())
        own = [name for name in sys.modules if name.startswith(_MODULE)]
        for earlier in own:
            if sys.modules[earlier].__file__ == source:
                remove_parts(earlier)
                del sys.modules[earlier]
        sys.modules[self.name] = module
        try:
            with entered_by(self.name):
                exec(compile(self.content, source, "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            remove_parts(self.name)
            del sys.modules[self.name]
            line = _line_of(error, source)
            raise BadValueError(f"{self.path}{line}: {type(error).__name__}: {error}") from error


@contextmanager
def no_exit() -> Iterator[None]:
    """Raise :class:`RunError` where code of the user's ends the process as if all were done."""
    try:
        yield
    except SystemExit as error:
        raise RunError(f"a plugin ended the process: SystemExit: {error}") from error


def read_plugin(path: Path) -> Plugin:
    """Read a Python file without running it.

    Raises:
        BadValueError: the name does not end in .py.
        FileError: the file cannot be read.
    """
    if path.suffix != ".py":
        raise BadValueError(f"{path}: expected a Python file whose name ends in .py")
    return Plugin(path, read_bytes(path, _MOST_BYTES))


def load_plugins(paths: Iterable[str | Path]) -> tuple[Plugin, ...]:
    """Read Python files and run them; raises as :func:`read_plugin` and :meth:`Plugin.load` do."""
    plugins = tuple(read_plugin(Path(path)) for path in paths)
    for plugin in plugins:
        plugin.load()
    return plugins


def is_package(path: Path) -> bool:
    """Return whether a file lies where pip installs packages."""
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def own_line(error: BaseException) -> str:
    """Return "FILE, line N: " of the user's own code that an error came through last, or ""."""
    installed = (str(Path(__file__).parent), sysconfig.get_path("stdlib"))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_file() and not is_package(path) and not frame.filename.startswith(installed):
            return f"{path}, line {frame.lineno}: "
    return ""


def _line_of(error: BaseException, source: str) -> str:
    """Return ", line N" for the file's innermost line in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == source]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    return f", line {line}" if line else ""
