"""A table of molecules for training, and the rows that cannot be used."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnc_graph.data.bad import NO_VALUE, BadRow, describe_bad, shorten, without_value
from rnc_graph.data.reading.columns import (
    IgnoredColumns,
    check_column,
    choose_columns,
    choose_smiles,
    is_id_or_weight,
    number_columns,
)
from rnc_graph.data.reading.numbers import (
    Decimal,
    check_percentages,
    decimal_of,
    parse_number,
    side_of,
    split_relation,
)
from rnc_graph.data.reading.opening import open_table
from rnc_graph.data.reading.source import Chunk
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import BadValueError

_Wrong = tuple[str, str, str]
"""A column, the text in it, and the reason why it cannot be used."""


def read_molecules(
    source: Path | pd.DataFrame,
    smiles: str | None = None,
    targets: Sequence[str] | None = None,
    *,
    extra: Sequence[str] = (),
    id_column: str | None = None,
    usual_id: str = "",
    weight: str | None = None,
    bounds: bool = False,
    relations: Sequence[str] = (),
    usual_relations: Sequence[str] = (),
    unit: str = "",
    name: str | None = None,
    decimal: Decimal | None = None,
) -> tuple[MoleculeTable, list[BadRow], list[str]]:
    """Read the molecules of a table that can be trained on, and name the rows that cannot.

    A row needs a SMILES, which is not parsed, and one target at least: missing ones are NaN.

    Args:
        source: a file, or a data frame.
        smiles: the column of SMILES, guessed if None.
        targets: the columns of targets, guessed if None.
        extra: further columns to keep as text: a split, a group, a time.
        id_column: the column that names the rows in messages and outputs.
        usual_id: the same, if the table has it.
        weight: the column of weights, positive numbers.
        bounds: whether cells such as ">100" are bounds; otherwise such rows are bad.
        relations: for each target the column that says "=", "<" or ">" of it; with ``bounds``.
        usual_relations: the same, if the table has them and ``relations`` names none.
        unit: unit of the targets.
        name: of the table in messages; the file's path by default.
        decimal: the decimal sign of the targets; found from all cells of a column if None.

    Returns:
        The table, with the number and line of each row in the source; the rows left out; and what
        was guessed.

    Raises:
        RncGraphError: the file or a column is missing, no row can be used, or the decimal sign of a
            column is ambiguous.
    """
    table = open_table(source)
    chunks = table.chunks()
    start = next(chunks, None)
    if start is None:
        raise BadValueError(f"{table.name}: has no rows below its header")
    rows = min(1_000, max(50, 200_000 // len(table.columns)))
    sample = start.frame[~np.isin(start.rows, list(start.problems))].head(rows)
    chosen = choose_columns(table.columns, sample, smiles, targets, source=table.name)
    if id_column is None and usual_id in table.columns:
        id_column = usual_id
    if not relations:
        relations = [name if name in table.columns else "" for name in usual_relations]
        if used := dict.fromkeys(filter(None, relations)):
            listed = ", ".join(map(repr, used))
            chosen.notes.append(f"relations are read from column {listed}, as in training")
    if relations and len(relations) != len(chosen.targets):
        raise BadValueError(
            f"{table.name}: expected a column of relations for each target, got "
            f"{len(relations)} for {len(chosen.targets)}"
        )
    kept = dict.fromkeys(name for name in [*extra, id_column, weight, *relations] if name)
    for column in kept:
        check_column(table.columns, column, table.name)
    gathered = _Gathered(
        chosen.smiles,
        chosen.targets,
        list(kept),
        id_column=id_column,
        weight=weight,
        bounds=bounds,
        relations=relations,
    )
    ignored = IgnoredColumns(table.columns, [chosen.smiles, *chosen.targets, *kept])
    for chunk in chain([start], chunks):
        gathered.add(chunk)
        ignored.add(chunk.frame)
    notes = gathered.parse(table.name, decimal)
    if not gathered.smiles:
        classes = gathered.bad[0].column in chosen.targets and gathered.bad[0].found
        raise BadValueError(
            f"{table.name}: no row is left\n{describe_bad(gathered.bad, table.name)}"
            + ("\nA target is a measured quantity, not a class." if classes else "")
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
        smiles_column=chosen.smiles,
        id_column=id_column or "",
        censored=np.array(gathered.censored, dtype=np.int8) if bounds else None,
        weights=np.array(gathered.weights) if weight else None,
    )
    if molecules.censored is not None and not molecules.censored.any():
        molecules = replace(molecules, censored=None)
    for target, values in zip(molecules.target_names, molecules.targets.T, strict=True):
        if np.isnan(values).all():
            raise BadValueError(f"{table.name}, column {target!r}: expected numbers, got none")
    notes = [*table.notes, *chosen.notes, *notes, *ignored.notes()]
    notes += like_classes(molecules.target_names, molecules.exact)
    notes += molecules.bound_notes()
    return molecules, gathered.bad, notes


def read_all_columns(
    source: Path | pd.DataFrame,
    smiles: str | None = None,
    targets: Sequence[str] | None = None,
    *,
    relations: Callable[[Sequence[str]], list[str]] = lambda targets: [],
    decimal: Decimal | None = None,
) -> tuple[MoleculeTable, list[str]]:
    """Read a table with all its columns of numbers as targets, and say what each column is.

    Columns named as identifiers or weights are targets only if they are given. Arguments and errors
    are those of :func:`read_molecules`; cells such as ">100" are bounds, bad rows are in the notes.
    ``relations`` receives the targets, and returns the column of relations of each.
    """
    table = open_table(source)
    start = next(table.chunks(), None)
    if start is None:
        raise BadValueError(f"{table.name}: has no rows below its header")
    sample = start.frame.head(1_000)
    chosen, _ = choose_smiles(table.columns, sample, smiles, source=table.name)
    others = [column for column in table.columns if column != chosen]
    found = number_columns(others, sample)
    wanted = list(targets or [name for name in found if not is_id_or_weight(name)] or found)
    if not wanted:
        raise BadValueError(
            f"{table.name}: no column holds numbers; name one with --target; its columns are: "
            + ", ".join(map(repr, table.columns[:20]))
        )
    of_each = relations(wanted)
    molecules, bad, notes = read_molecules(
        source, chosen, wanted, bounds=True, relations=of_each, decimal=decimal
    )
    kinds = {chosen: "SMILES"} | dict.fromkeys(of_each, "relations")
    kinds |= dict.fromkeys(wanted, "numbers")
    columns = [f"{shorten(name)!r}: {kinds.get(name, 'not read')}" for name in table.columns[:50]]
    notes = [f"columns: {', '.join(columns)}", *notes]
    rest, valueless = without_value(bad)
    return molecules, [*notes, *valueless, *([describe_bad(rest, table.name)] if rest else [])]


def like_classes(names: Sequence[str], values: FloatArray) -> Iterator[str]:
    """Yield a note on each of t targets with two or three different values (N, t), NaN aside."""
    for name, column in zip(names, values.T, strict=True):
        known = column[~np.isnan(column)]
        different = [f"{value:g}" for value in np.unique(known).tolist()]
        if len(known) > 10 and len(different) in (2, 3):
            yield (
                f"target {name!r} has {'two' if len(different) == 2 else 'three'} values, "
                f"{', '.join(different[:-1])} and {different[-1]}: if they are classes, a "
                "regressor predicts scores between them; give a measured quantity instead"
            )


class _Gathered:
    """The rows of a table so far, and those that cannot be used."""

    def __init__(
        self,
        smiles: str,
        targets: Sequence[str],
        extra: Sequence[str],
        *,
        id_column: str | None,
        weight: str | None,
        bounds: bool,
        relations: Sequence[str],
    ) -> None:
        self.column, self.names = smiles, list(targets)
        self._id, self._weight, self._relations = id_column, weight, list(relations)
        self._bounds = bounds
        self.censored: list[list[int]] = []
        self.weights: list[float] = []
        self.smiles: list[str] = []
        self.targets: list[list[float]] = []
        self.rows: list[int] = []
        self.lines: list[int] = []
        self.extra: dict[str, list[str]] = {name: [] for name in extra}
        self.bad: list[BadRow] = []
        self._cells: list[list[Any]] = []

    def add(self, chunk: Chunk) -> None:
        lines = chunk.lines.tolist() if chunk.lines is not None else [None] * len(chunk.rows)
        columns = [chunk.frame[name].tolist() for name in (self.column, *self.names, *self.extra)]
        for row, line, *cells in zip(chunk.rows.tolist(), lines, *columns, strict=True):
            if row in chunk.problems:
                found = shorten(chunk.found[row])
                self.bad.append(BadRow(row, line, "", found, chunk.problems[row]))
            else:
                self._cells.append([row, line, *cells])

    def parse(self, source: str, decimal: Decimal | None) -> list[str]:
        """Read the numbers of all rows, a column in one way, and return what was guessed."""
        notes = []
        rows = [cells[0] for cells in self._cells]

        def sign_of(name: str, column: list[str]) -> Decimal | None:
            notes.extend(check_percentages(column, name, source, rows))
            sign = decimal or decimal_of(column, name, source, rows)
            if decimal is None and sign is not None:
                how = "a decimal comma" if sign == "," else "commas between thousands"
                shown = next(cell for cell in column if "," in cell or cell.count(".") > 1)
                notes.append(f"numbers of column {name!r} such as {shown!r} are read with {how}")
            return sign

        signs = [
            sign_of(name, [self._split(cells[number])[1] for cells in self._cells])
            for number, name in enumerate(self.names, start=3)
        ]
        of_weights = None
        if self._weight is not None:
            at = 3 + len(self.names) + list(self.extra).index(self._weight)
            of_weights = sign_of(self._weight, [cells[at] for cells in self._cells])
        for row, line, smiles, *cells in self._cells:
            further = dict(zip(self.extra, cells[len(self.names) :], strict=True))
            numbers, sides, wrong = self._numbers(smiles, cells[: len(self.names)], signs, further)
            if self._weight is not None:
                cell = further[self._weight]
                self.weights.append(_weight(self._weight, cell, of_weights, wrong))
            if wrong:
                del self.weights[len(self.targets) :]
                name = further[self._id] if self._id else ""
                self.bad += [BadRow(row, line, *each, name) for each in wrong]
                continue
            self.smiles.append(smiles.strip())
            self.targets.append(numbers)
            self.censored.append(sides)
            self.rows.append(row)
            if line is not None:
                self.lines.append(line)
            for name, cell in further.items():
                self.extra[name].append(cell)
        self.bad.sort(key=lambda bad: bad.row)
        self._cells.clear()
        return notes

    def _split(self, cell: str) -> tuple[int, str]:
        return split_relation(cell) if self._bounds else (0, cell)

    def _numbers(
        self,
        smiles: str,
        cells: list[str],
        signs: Sequence[Decimal | None],
        further: dict[str, str],
    ) -> tuple[list[float], list[int], list[_Wrong]]:
        """Return a row's targets, on which side of them the values are, and all that is wrong."""
        wrong = [] if smiles.strip() else [(self.column, "", "no SMILES")]
        numbers: list[float] = []
        sides: list[int] = []
        unreadable = False
        columns = self._relations or [""] * len(self.names)
        for name, cell, sign, column in zip(self.names, cells, signs, columns, strict=True):
            try:
                side, text = self._split(cell)
                numbers.append(parse_number(text, decimal=sign))
                if column and not math.isnan(numbers[-1]):
                    side = side or side_of(further[column])
                sides.append(0 if math.isnan(numbers[-1]) else side)
            except ValueError as reason:
                unreadable = True
                wrong.append((name, shorten(cell), str(reason)))
        if not unreadable and all(map(math.isnan, numbers)):
            only = self.names[0] if len(self.names) == 1 else ""
            wrong.append((only, shorten(cells[0]) if only else "", NO_VALUE))
        return numbers, sides, wrong


def _weight(column: str, cell: str, decimal: Decimal | None, wrong: list[_Wrong]) -> float:
    """Return a row's weight; what is wrong with it is added to the list."""
    try:
        weight = parse_number(cell, missing=False, decimal=decimal)
    except ValueError as reason:
        wrong.append((column, shorten(cell), str(reason)))
        return math.nan
    if weight <= 0:
        wrong.append((column, shorten(cell), "not positive: it has no weight"))
    return weight
