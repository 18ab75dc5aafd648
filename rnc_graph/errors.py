"""The error every room raises for bad input."""

from collections.abc import Iterable
from difflib import get_close_matches


class RncGraphError(ValueError):
    """Bad input: the message names the file, row, column or key, what was found, and what is right.

    The command line prints the message alone and exits with code 2.
    """


class WriteError(RncGraphError):
    """Results cannot be written: the disk is full, or the folder is not to be written to."""


class UnknownNameError(RncGraphError):
    """A name that no registry or catalog holds; the message lists the known ones."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        told = f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}"
        super().__init__(told + did_you_mean(name, known))

    def __reduce__(self) -> tuple[type[RncGraphError], tuple[str]]:
        """Cross from a worker process to its parent as the message alone."""
        return RncGraphError, (str(self),)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the known one nearest to it, if any.

    >>> did_you_mean("GIM", ["gcn", "gin"])
    "; did you mean 'gin'?"
    """
    by_lower = {one.lower(): one for one in known}
    near = get_close_matches(str(name).lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""
