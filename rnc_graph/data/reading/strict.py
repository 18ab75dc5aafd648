"""Tables of which no row may be bad: those of named data sets, and of values beside one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.data.bad import shorten
from rnc_graph.data.reading.columns import check_column
from rnc_graph.data.reading.numbers import add_relations, parse_column
from rnc_graph.data.reading.opening import open_table
from rnc_graph.data.reading.source import joined
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import BadValueError


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table of any kind, every cell as the text it is; nothing may be wrong with its rows.

    The index is the "line" each row begins on, or its number, "row", where there are no lines.

    Raises:
        RncGraphError: the file is missing or unreadable, a row is spoiled, or there are no rows.
    """
    table = open_table(path)
    chunks = list(table.chunks())
    if not chunks:
        raise BadValueError(f"{path}: has no rows below its header")
    whole = joined(chunks)
    if table.not_utf8_line is not None:
        raise BadValueError(
            f"{path}: cannot be read as CSV: line {table.not_utf8_line} is not UTF-8"
        )
    kind, places = ("row", whole.rows) if whole.lines is None else ("line", whole.lines)
    for row, reason in whole.problems.items():
        # A blank line is a row of empty cells.
        if whole.found[row]:
            raise BadValueError(
                f"{path}: cannot be read as CSV: {kind} {places[row - 1]}: {reason}: "
                f"{shorten(whole.found[row])!r}"
            )
    return whole.frame.set_axis(pd.Index(places, name=kind), axis=0)


def column(frame: pd.DataFrame, name: str, path: Path) -> list[str]:
    """Return the cells of a column; raises :class:`RncGraphError` naming the columns there are."""
    check_column(list(frame.columns), name, str(path))
    return [str(cell) for cell in frame[name]]


def numbers(frame: pd.DataFrame, name: str, path: Path) -> FloatArray:
    """Return one column of a frame of :func:`read_csv` as numbers, (N,); ``path`` is for messages.

    Raises:
        RncGraphError: a cell is no number, or too large; the message has its line or row.
    """
    return _parsed(frame, name, path)[0]


def _parsed(
    frame: pd.DataFrame,
    name: str,
    path: Path,
    relation: str | None = None,
    *,
    missing: bool = False,
    bounds: bool = False,
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Return the numbers of a column and their sides, by its cells or a column of relations."""
    cells = column(frame, name, path)
    values, sides, wrong = parse_column(cells, missing=missing, bounds=bounds)
    for row, reason in wrong.items():
        raise BadValueError(
            f"{_location(frame, name, path, row)}: {cells[row]!r}: {reason}"
            + (f" ({len(wrong)} rows cannot be used)" if len(wrong) > 1 else "")
        )
    if relation:
        for row, reason in add_relations(sides, values, column(frame, relation, path)).items():
            raise BadValueError(f"{_location(frame, name, path, row)}: {reason}")
    return values, sides


def _location(frame: pd.DataFrame, name: str, path: Path, row: int) -> str:
    return f"{path}, {frame.index.name} {frame.index[row]}, column {name!r}"


def read_table(
    path: Path,
    smiles: str,
    targets: list[str],
    *,
    unit: str = "",
    name: str | None = None,
    missing: bool = False,
    extra: Sequence[str] = (),
    bounds: bool = False,
    relations: Mapping[str, str] | None = None,
    weight: str = "",
    id_column: str = "",
) -> MoleculeTable:
    """Read a file of molecules, of which no row may be bad.

    Args:
        path: the file; its first line names the columns.
        smiles: the column of SMILES.
        targets: the columns of measured values.
        unit: of the targets.
        name: of the table in messages; the file's path by default.
        missing: whether a target may be missing, NaN then.
        extra: further columns to keep, as text.
        bounds: whether cells such as ">100" are bounds, and no errors.
        relations: by its target, the column that says "=", "<" or ">"; with ``bounds``.
        weight: the column of weights, "" for none.
        id_column: the column that names the rows, "" for none.

    Raises:
        RncGraphError: the file, a column, or a value is missing or wrong.
    """
    frame = read_csv(path)
    by_target = relations if relations and bounds else {}
    parsed = [
        _parsed(frame, target, path, by_target.get(target), missing=missing, bounds=bounds)
        for target in targets
    ]
    censored = np.stack([sides for _, sides in parsed], axis=1)
    return MoleculeTable(
        name=name or str(path),
        smiles=column(frame, smiles, path),
        targets=np.stack([values for values, _ in parsed], axis=1),
        target_names=list(targets),
        unit=unit,
        extra={name: column(frame, name, path) for name in (*extra, id_column) if name},
        smiles_column=smiles,
        id_column=id_column,
        censored=censored if censored.any() else None,
        weights=_positive(frame, weight, path) if weight else None,
    )


def _positive(frame: pd.DataFrame, name: str, path: Path) -> FloatArray:
    values = numbers(frame, name, path)
    for row in np.flatnonzero(values <= 0).tolist():
        raise BadValueError(
            f"{_location(frame, name, path, row)}: expected a positive weight, got {values[row]:g}"
        )
    return values
