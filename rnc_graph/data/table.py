"""Tables of SMILES and targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.data.bad import shorten
from rnc_graph.data.reading.columns import check_column
from rnc_graph.data.reading.numbers import add_relations, parse_column
from rnc_graph.data.reading.opening import open_table
from rnc_graph.data.reading.source import joined
from rnc_graph.errors import BadValueError, UnknownNameError

FloatArray = NDArray[np.float64]


def exact_values(values: FloatArray, censored: NDArray[np.int8] | None) -> FloatArray:
    """Return (N, t) values, NaN where only a bound is known; see :class:`MoleculeTable`."""
    return values if censored is None else np.where(censored == 0, values, np.nan)


class Table(Protocol):
    """N samples with their targets: molecules or images."""

    @property
    def name(self) -> str:
        """Name of the table in messages and results."""

    @property
    def names(self) -> list[str]:
        """N SMILES, or paths of images."""

    @property
    def targets(self) -> FloatArray:
        """(N, t) values in ``unit``, or indices of classes."""

    @property
    def target_names(self) -> list[str]:
        """The t columns of ``targets``."""

    @property
    def unit(self) -> str:
        """Unit of the targets, "" where unknown."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, none for a continuous target."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """(N,) the number of each sample in its source, from 1."""

    def __len__(self) -> int: ...

    def take(self, rows: NDArray[np.int64]) -> "Table":
        """Return some of the samples, which keep their numbers."""


@dataclass(frozen=True)
class MoleculeTable:
    """N molecules with their targets, in the order of the file.

    Attributes:
        name: of the table in messages and results.
        smiles: N SMILES.
        targets: (N, t) measured values in ``unit``, "" where the unit is unknown.
        published_predictions: (N,) predictions that came with the data, by their model.
        source_rows: (N,) the number of each row in what was read, from 1 below the header; None
            where all rows of the source are here.
        source_lines: (N,) the line of each row in the file, None where there are no lines.
        extra: N cells of each further column, by its name.
        smiles_column: name of the column of SMILES, for messages.
        id_column: the column of ``extra`` that names the rows, "" for none.
        units: of the t targets where they differ; () where ``unit`` is that of all.
        censored: (N, t) 1 where the value is above the number in ``targets`` (">100"), -1 where it
            is below, else 0; None if all are values.
        weights: (N,) positive; None if all rows count alike.
    """

    name: str
    smiles: list[str]
    targets: FloatArray
    target_names: list[str]
    unit: str = ""
    published_predictions: dict[str, FloatArray] = field(default_factory=dict)
    source_rows: NDArray[np.int64] | None = None
    source_lines: NDArray[np.int64] | None = None
    extra: dict[str, list[str]] = field(default_factory=dict)
    smiles_column: str = "SMILES"
    id_column: str = ""
    units: tuple[str, ...] = ()
    censored: NDArray[np.int8] | None = None
    weights: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.smiles)

    @property
    def names(self) -> list[str]:
        """The SMILES."""
        return self.smiles

    @property
    def ids(self) -> list[str]:
        """The N cells of ``id_column``; none without one."""
        return self.extra[self.id_column] if self.id_column else []

    @property
    def exact(self) -> FloatArray:
        """(N, t) the targets, NaN where only a bound is known."""
        return exact_values(self.targets, self.censored)

    def bound_notes(self) -> list[str]:
        """Say of which targets bounds are known in place of values."""
        if self.censored is None:
            return []
        counts = zip(
            self.target_names, (self.censored > 0).sum(0), (self.censored < 0).sum(0), strict=True
        )
        return [
            f"target {name!r}: {above + below:,} of {len(self):,} rows have a bound in place of a "
            f"value: {above:,} times >, {below:,} times <"
            for name, above, below in counts
            if above or below
        ]

    @property
    def unit_of_each(self) -> list[str]:
        """The units of the t targets."""
        return list(self.units) or [self.unit] * len(self.target_names)

    @property
    def classes(self) -> tuple[str, ...]:
        """No classes: the targets are continuous."""
        return ()

    @property
    def rows(self) -> NDArray[np.int64]:
        """The number of each row in the source, from 1."""
        if self.source_rows is not None:
            return self.source_rows
        return np.arange(1, len(self) + 1)

    def take(self, rows: NDArray[np.int64]) -> "MoleculeTable":
        """Return some of the rows, which keep their numbers."""
        published = {model: values[rows] for model, values in self.published_predictions.items()}
        return replace(
            self,
            smiles=[self.smiles[row] for row in rows],
            targets=self.targets[rows],
            published_predictions=published,
            source_rows=self.rows[rows],
            source_lines=None if self.source_lines is None else self.source_lines[rows],
            extra={name: [cells[row] for row in rows] for name, cells in self.extra.items()},
            censored=None if self.censored is None else self.censored[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    def select(self, targets: Sequence[str] | None) -> "MoleculeTable":
        """Return the table with some of its targets; None or none takes all of them.

        Molecules that lack all of the chosen targets are left out.

        Raises:
            UnknownNameError: the table has no such target.
            BadValueError: a target is there twice.
        """
        if not targets or list(targets) == self.target_names:
            return self
        if len(set(targets)) < len(targets):
            raise BadValueError(f"targets: expected different ones, got {', '.join(targets)}")
        for name in targets:
            if name not in self.target_names:
                raise UnknownNameError(f"target of {self.name!r}:", name, self.target_names)
        columns = [self.target_names.index(name) for name in targets]
        chosen = replace(
            self,
            targets=self.targets[:, columns],
            target_names=list(targets),
            units=tuple(self.units[column] for column in columns) if self.units else (),
            censored=None if self.censored is None else self.censored[:, columns],
        )
        known = ~np.isnan(chosen.targets).all(axis=1)
        return chosen if known.all() else chosen.take(np.flatnonzero(known))

    def line(self, row: int) -> int | None:
        """Return the line in the file that a row (from 0) begins on, None where there are none."""
        return None if self.source_lines is None else int(self.source_lines[row])


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


def exact_targets(table: Table) -> FloatArray:
    """Return the (N, t) targets of a table, NaN where missing or where only a bound is known."""
    return table.exact if isinstance(table, MoleculeTable) else table.targets
