"""Tables of SMILES and targets."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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


def exact_targets(table: Table) -> FloatArray:
    """Return the (N, t) targets of a table, NaN where missing or where only a bound is known."""
    return table.exact if isinstance(table, MoleculeTable) else table.targets
