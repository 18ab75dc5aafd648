"""A table of molecules for training, and the rows that cannot be used."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.data.bad import NO_VALUE, BadRow, bad_row, describe_bad, shorten, without_value
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
    add_relations,
    check_percentages,
    decimal_of,
    how_read,
    parse_column,
    split_relation,
)
from rnc_graph.data.reading.opening import open_table
from rnc_graph.data.reading.source import Chunk, joined
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import BadValueError


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
    columns = list(dict.fromkeys([chosen.smiles, *chosen.targets, *kept]))
    ignored = IgnoredColumns(table.columns, columns)

    def narrowed() -> Iterator[Chunk]:
        for chunk in chain([start], chunks):
            ignored.add(chunk.frame)
            yield replace(chunk, frame=chunk.frame[columns])

    found = _Columns(joined(narrowed()), table.name, decimal)
    texts = [text.strip() for text in found.cells[chosen.smiles]]
    found.wrong += [
        (row, chosen.smiles, "", "no SMILES") for row, text in enumerate(texts) if not text
    ]
    values, sides = found.targets(chosen.targets, relations, bounds)
    molecules = MoleculeTable(
        name=table.name,
        smiles=texts,
        targets=values,
        target_names=chosen.targets,
        unit=unit,
        source_rows=found.rows,
        source_lines=found.lines,
        extra={column: found.cells[column] for column in kept},
        smiles_column=chosen.smiles,
        id_column=id_column or "",
        censored=sides if bounds else None,
        weights=found.weights(weight) if weight else None,
    )
    bad = [*found.spoiled, *(bad_row(molecules, *each) for each in found.wrong)]
    bad.sort(key=lambda bad: bad.row)
    good = np.setdiff1d(np.arange(len(molecules)), [row for row, *_ in found.wrong])
    if not len(good):
        classes = bad[0].column in chosen.targets and bad[0].found
        raise BadValueError(
            f"{table.name}: no row is left\n{describe_bad(bad, table.name)}"
            + ("\nA target is a measured quantity, not a class." if classes else "")
        )
    molecules = molecules.take(good)
    if molecules.censored is not None and not molecules.censored.any():
        molecules = replace(molecules, censored=None)
    for target, values in zip(molecules.target_names, molecules.targets.T, strict=True):
        if np.isnan(values).all():
            raise BadValueError(f"{table.name}, column {target!r}: expected numbers, got none")
    notes = [*table.notes, *chosen.notes, *found.notes, *ignored.notes()]
    notes += like_classes(molecules.target_names, molecules.exact)
    notes += molecules.bound_notes()
    return molecules, bad, notes


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


class _Columns:
    """The cells of a table by column, what was guessed of them, and what is wrong.

    Rows that the reader of the file could not read are ``spoiled``, and in nothing else.
    """

    def __init__(self, whole: Chunk, source: str, decimal: Decimal | None) -> None:
        usable = ~np.isin(whole.rows, list(whole.problems))
        self.rows = whole.rows[usable]
        self.lines = None if whole.lines is None else whole.lines[usable]
        self.cells: dict[str, list[str]] = {
            str(name): cells[usable].tolist() for name, cells in whole.frame.items()
        }
        line_of = [None] * len(whole.rows) if whole.lines is None else whole.lines.tolist()
        self.spoiled = [
            BadRow(row, line_of[row - 1], "", shorten(whole.found[row]), problem)
            for row, problem in whole.problems.items()
        ]
        self.notes: list[str] = []
        self.wrong: list[tuple[int, str, str, str]] = []
        """Rows (from 0), columns, their texts, and the reasons why these cannot be used."""
        self._source, self._decimal = source, decimal

    def targets(
        self, names: Sequence[str], relations: Sequence[str], bounds: bool
    ) -> tuple[FloatArray, NDArray[np.int8]]:
        """Return the (N, t) targets and their sides; rows without any are wrong."""
        values = np.empty((len(self.rows), len(names)))
        sides = np.empty(values.shape, dtype=np.int8)
        before = len(self.wrong)
        for target, name in enumerate(names):
            relation = relations[target] if relations else ""
            values[:, target], sides[:, target] = self._parsed(name, relation, bounds=bounds)
        unreadable = {row for row, *_ in self.wrong[before:]}
        empty = set(np.flatnonzero(np.isnan(values).all(axis=1)).tolist()) - unreadable
        self._refuse(empty, names[0] if len(names) == 1 else "", NO_VALUE)
        return values, sides

    def weights(self, name: str) -> FloatArray:
        """Return the (N,) weights."""
        weights, _ = self._parsed(name, missing=False)
        without = np.flatnonzero(weights <= 0).tolist()
        self._refuse(without, name, "not positive: it has no weight")
        return weights

    def _refuse(self, rows: Iterable[int], name: str, reason: str) -> None:
        """Mark rows as wrong in a column or, without a name, as a whole."""
        self.wrong += [(row, name, self.cells[name][row] if name else "", reason) for row in rows]

    def _parsed(
        self, name: str, relation: str = "", *, missing: bool = True, bounds: bool = False
    ) -> tuple[FloatArray, NDArray[np.int8]]:
        """Return the numbers of a column, all read in one way, and their sides."""
        cells, rows = self.cells[name], self.rows.tolist()
        texts = [split_relation(cell)[1] for cell in cells] if bounds else cells
        self.notes += check_percentages(texts, name, self._source, rows)
        decimal = self._decimal or decimal_of(texts, name, self._source, rows)
        if self._decimal is None and decimal is not None:
            self.notes.append(f"numbers of column {name!r} {how_read(texts, decimal)}")
        values, sides, wrong = parse_column(cells, missing=missing, decimal=decimal, bounds=bounds)
        if relation:
            wrong |= add_relations(sides, values, self.cells[relation])
        self.wrong += [(row, name, cells[row], reason) for row, reason in wrong.items()]
        return values, sides
