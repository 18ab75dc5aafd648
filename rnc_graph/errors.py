"""The error every room raises for bad input."""

import difflib


class RncGraphError(ValueError):
    """Bad input: the message names the file, row, column or key, what was found, and what is right.

    The command line prints the message alone and exits with code 2.
    """


class WriteError(RncGraphError):
    """Results cannot be written: the disk is full, or the folder is not to be written to."""


class UnknownNameError(RncGraphError):
    """A name that no registry or catalogue holds; the message lists the known ones."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(str(name), known, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}{meant}")

    def __reduce__(self) -> tuple[type[RncGraphError], tuple[str]]:
        """Cross from a worker process to its parent as the message alone."""
        return RncGraphError, (str(self),)
