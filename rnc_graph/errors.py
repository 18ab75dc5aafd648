"""The errors of the package: one base, and a subclass for each of Python's own that fits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class RncGraphError(Exception):
    """Base of all errors of the package; raise a subclass.

    The message names the file, row, column or key, what was expected and what was given. The
    command line prints it alone and exits with code 2.
    """


class BadValueError(RncGraphError, ValueError):
    """An argument, option, cell or file content that cannot be used."""


class UnknownNameError(BadValueError):
    """A name that no registry or catalog holds; the message lists the known ones.

    >>> print(UnknownNameError("encoder", "gim", ["gin", "gcn"]))
    unknown encoder 'gim'; known: gcn, gin; did you mean 'gin'?
    """

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        super().__init__(kind, name, known)
        self.kind, self.name, self.known = kind, name, known

    def __str__(self) -> str:
        listed = ", ".join(sorted(self.known))
        return f"unknown {self.kind} {self.name!r}; known: {listed}" + did_you_mean(
            self.name, self.known
        )


class MisfitError(BadValueError):
    """Keys of a spec that do not fit together.

    Args:
        message: what was expected and what was given.
        keys: where, from the section that is checked on down.
    """

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.keys = keys


class MissingColumnError(BadValueError):
    """A table has no column of a name.

    Args:
        message: which column is missing, and which columns there are.
        column: its name.
    """

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message, column)
        self.message, self.column = message, column

    def __str__(self) -> str:
        return self.message


class MissingPackageError(RncGraphError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class FileError(RncGraphError, OSError):
    """A file or folder cannot be read, written or downloaded."""


class MissingFileError(FileError, FileNotFoundError):
    """A file or folder does not exist."""


class WriteError(FileError):
    """Results cannot be written: the disk is full, the folder is read-only or in use."""


class RunError(RncGraphError, RuntimeError):
    """A computation failed: training diverged, a worker process died, a cluster was lost."""


def unreadable(path: Path, error: OSError | ValueError) -> FileError:
    """Return the error for a file that could not be opened or read."""
    kind = MissingFileError if isinstance(error, FileNotFoundError) else FileError
    return kind(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, if any.

    >>> did_you_mean("GIM", ["gcn", "gin"])
    "; did you mean 'gin'?"
    """
    by_lower = {one.lower(): one for one in known}
    near = get_close_matches(str(name).lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "seed"), plural(1200, "molecule")
    ('1 seed', '1,200 molecules')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def reason_of(problem: ErrorDetails) -> str:
    """Return why pydantic refused a value: ``reason, got value``."""
    reason = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return reason
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] in ("model_type", "dict_type"):
        reason = "expected a mapping from keys to values"
    return f"{reason}, got {problem['input']!r:.200}"


def first_problem(error: ValidationError) -> str:
    """Return the first problem that pydantic found: ``key: reason, got value``.

    Where a value may have several types, there is a reason for each, or the one furthest inside.
    """
    first, *others = error.errors()
    problems = [first, *(other for other in others if other["loc"][:1] == first["loc"][:1])]
    deepest = max(problems, key=lambda problem: len(problem["loc"]))
    key = _key(deepest)
    *reasons, last = dict.fromkeys(reason_of(x) for x in problems if _key(x) == key)
    got = f", got {deepest['input']!r:.200}"
    reason = "; or ".join([*(one.removesuffix(got) for one in reasons), last])
    return f"{key}: {reason}" if key else reason


# What pydantic puts between the keys where a value may have several types.
_TYPE = re.compile(
    r"str|int|float|bool|constrained-\w+|(literal|list|dict|tuple|is-instance)\[.*\]"
)


def _key(problem: ErrorDetails) -> str:
    first, *others = map(str, problem["loc"] or [""])
    return ".".join([first, *(part for part in others if not _TYPE.fullmatch(part))])
