"""A table of molecules for training, and the rows that cannot be used."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from rnc_graph.data.reading.columns import check_column, choose_columns
from rnc_graph.data.reading.numbers import has_decimal_comma, parse_number
from rnc_graph.data.reading.opening import open_table
from rnc_graph.data.reading.source import Chunk, TableSource, shorten
from rnc_graph.data.table import MoleculeTable
from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class BadRow:
    """A row that is left out.

    Attributes:
        row: its number, from 1 below the header.
        line: its line in the file, None where there are no lines.
        column: the column that is wrong, "" for the row as a whole.
        found: what stands there, at most 80 characters of it.
        reason: what is wrong with it.
    """

    row: int
    line: int | None
    column: str
    found: str
    reason: str


def read_molecules(
    source: Path | pd.DataFrame,
    smiles: str | None = None,
    targets: Sequence[str] | None = None,
    *,
    extra: Sequence[str] = (),
    unit: str = "",
    name: str | None = None,
) -> tuple[MoleculeTable, list[BadRow], list[str]]:
    """Read the molecules of a table that can be trained on, and name the rows that cannot.

    A row needs a SMILES, which is not parsed, and one target at least: NaN stands for the others.

    Args:
        source: a file, or a data frame.
        smiles: the column of SMILES, guessed if None.
        targets: the columns of targets, guessed if None.
        extra: further columns to keep as text: a split, a group, a time.
        unit: unit of the targets.
        name: what messages call the table; the file's path by default.

    Returns:
        The table, with the number and line of each row in the source; the rows left out; and what
        was guessed.

    Raises:
        RncGraphError: the file or a column is missing, or no row can be used.
    """
    table = open_table(source)
    chunks = table.chunks()
    start = next(chunks, None)
    if start is None:
        raise BadValueError(f"{table.name}: has no rows below its header")
    good = ~np.isin(start.rows, list(start.problems))
    sample = start.frame[good].head(1000)
    chosen = choose_columns(
        table.columns,
        sample,
        smiles,
        targets,
        source=table.name,
        decimal_comma=table.decimal_comma,
    )
    for column in extra:
        check_column(table.columns, column, table.name)
    gathered = _Gathered(table, chosen.smiles, chosen.targets, extra)
    for chunk in chain([start], chunks):
        gathered.add(chunk)
    if not gathered.smiles:
        first = gathered.bad[0]
        raise BadValueError(
            f"{table.name}: none of its {len(gathered.bad)} rows can be used; row {first.row}"
            + (f", column {first.column!r}" if first.column else "")
            + f": {first.found!r}: {first.reason}"
        )
    molecules = MoleculeTable(
        name=name or table.name,
        smiles=gathered.smiles,
        targets=np.array(gathered.targets, dtype=np.float64),
        target_names=chosen.targets,
        unit=unit,
        source_rows=np.array(gathered.rows, dtype=np.int64),
        source_lines=np.array(gathered.lines, dtype=np.int64) if gathered.lines else None,
        extra=gathered.extra,
    )
    notes = [*table.notes, *chosen.notes]
    if gathered.decimal_commas:
        notes.append("numbers such as '1,5' are read with a decimal comma")
    return molecules, gathered.bad, notes


class _Gathered:
    """The usable rows of a table so far, and the others."""

    def __init__(
        self, table: TableSource, smiles: str, targets: Sequence[str], extra: Sequence[str]
    ) -> None:
        self.table, self.column, self.names = table, smiles, list(targets)
        self.smiles: list[str] = []
        self.targets: list[list[float]] = []
        self.rows: list[int] = []
        self.lines: list[int] = []
        self.extra: dict[str, list[str]] = {name: [] for name in extra}
        self.bad: list[BadRow] = []
        self.decimal_commas = False

    def add(self, chunk: Chunk) -> None:
        lines = chunk.lines.tolist() if chunk.lines is not None else [None] * len(chunk.rows)
        wanted = [self.column, *self.names, *self.extra]
        columns = [chunk.frame[name].tolist() for name in wanted]
        for row, line, *cells in zip(chunk.rows.tolist(), lines, *columns, strict=True):
            if row in chunk.problems:
                self.bad.append(BadRow(row, line, "", chunk.found[row], chunk.problems[row]))
                continue
            smiles, numbers = cells[0].strip(), cells[1 : 1 + len(self.names)]
            wrong = list(self._wrong(smiles, numbers))
            if wrong:
                self.bad += [BadRow(row, line, *each) for each in wrong]
                continue
            self.smiles.append(smiles)
            self.targets.append([self._number(cell) for cell in numbers])
            self.rows.append(row)
            if line is not None:
                self.lines.append(line)
            for name, cell in zip(self.extra, cells[1 + len(self.names) :], strict=True):
                self.extra[name].append(cell)

    def _number(self, cell: str) -> float:
        comma = self.table.decimal_comma
        value = parse_number(cell, decimal_comma=comma)
        self.decimal_commas = self.decimal_commas or (comma and has_decimal_comma(cell))
        return value

    def _wrong(self, smiles: str, cells: list[str]) -> Iterator[tuple[str, str, str]]:
        """Yield the column, the text and the reason of all that is wrong with a row."""
        if not smiles:
            yield self.column, "", "no SMILES"
        measured = False
        for name, cell in zip(self.names, cells, strict=True):
            try:
                measured = not math.isnan(self._number(cell)) or measured
            except ValueError as reason:
                measured = True
                yield name, shorten(cell), str(reason)
        if not measured:
            only = self.names[0] if len(self.names) == 1 else ""
            yield only, shorten(cells[0]) if only else "", "no target"
