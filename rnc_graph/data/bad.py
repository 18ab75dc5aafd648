"""Rows that cannot be used, and the message that names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rnc_graph.errors import BadValueError, plural

if TYPE_CHECKING:
    from rnc_graph.data.smiles import BadMolecule
    from rnc_graph.data.table import MoleculeTable

OnBad = Literal["raise", "skip"]


@dataclass(frozen=True)
class BadRow:
    """A row that is left out.

    Attributes:
        row: its number, from 1 below the header.
        line: its line in the file, None where there are no lines.
        column: the column that is wrong, "" for the row as a whole.
        found: what is there, at most 80 characters of it.
        reason: what is wrong with it.
        id: its cell in the column of identifiers, "" without one.
    """

    row: int
    line: int | None
    column: str
    found: str
    reason: str
    id: str = ""


NO_VALUE = "no target"
"""The reason of rows without any value: a sparse table has many, and nothing is wrong with them."""


def without_value(bad: Sequence[BadRow]) -> tuple[list[BadRow], list[str]]:
    """Return the rows that are bad for other reasons, and a note on those without any value."""
    rest = [row for row in bad if row.reason != NO_VALUE]
    count = len({row.row for row in bad} - {row.row for row in rest})
    are = "has" if count == 1 else "have"
    return rest, [f"{plural(count, 'row')} {are} no value"] if count else []


def shorten(text: str, length: int = 80) -> str:
    """Return ``text``, cut to ``length`` characters."""
    return text if len(text) <= length else text[: length - 3] + "..."


def bad_row(table: MoleculeTable, row: int, column: str, found: str, reason: str) -> BadRow:
    """Return a row (from 0) of a table as one that cannot be used."""
    name = table.ids[row] if table.ids else ""
    return BadRow(int(table.rows[row]), table.line(row), column, shorten(found), reason, name)


def bad_rows(bad: Iterable[BadMolecule], table: MoleculeTable) -> list[BadRow]:
    """Return molecules that cannot be read as rows of their table."""
    return [bad_row(table, b.row, table.smiles_column, str(b.smiles), b.reason) for b in bad]


def describe_bad(bad: Sequence[BadRow], source: str, shown: int = 10) -> str:
    """Return the bad rows of ``source`` as text: how many, and the first of them."""
    lines = [f"{source}: {plural(len({row.row for row in bad}), 'row')} cannot be used"]
    for row in bad[:shown]:
        where = f"row {row.row}" + (f" (line {row.line})" if row.line is not None else "")
        where += f", {shorten(row.id)!r}" if row.id else ""
        column = f", column {row.column!r}" if row.column else ""
        lines.append(f"  {where}{column}: {row.found!r}: {row.reason}")
    if len(bad) > shown:
        lines.append(f"  and {len(bad) - shown} more")
    return "\n".join(lines)


def check_bad(bad: Sequence[BadRow], on_bad: OnBad, source: str) -> None:
    """Raise :class:`BadValueError` naming the bad rows, unless ``on_bad`` is "skip"."""
    if on_bad not in ("raise", "skip"):
        raise BadValueError(f"expected on_bad 'raise' or 'skip', got {on_bad!r}")
    if bad and on_bad == "raise":
        raise BadValueError(describe_bad(bad, source))
