"""What splits are made of: molecules by their canonical SMILES, targets, further columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.splits.split import Split
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import BadValueError

Fractions = tuple[float, float, float]


@dataclass(frozen=True)
class SplitMolecules:
    """N rows to be split.

    Attributes:
        name: what messages call the table.
        canonical: N canonical SMILES; equal ones are one molecule.
        targets: (N, t), NaN where missing.
        columns: N cells of each further column, by its name.
        rows: (N,) the numbers that messages call the rows by.
    """

    name: str
    canonical: list[str]
    targets: FloatArray
    columns: dict[str, list[str]]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.canonical)

    @classmethod
    def of(cls, table: MoleculeTable, canonical: Sequence[str]) -> SplitMolecules:
        """Take the rows of a table, whose canonical SMILES are known."""
        return cls(table.name, list(canonical), table.targets, table.extra, table.rows)

    @property
    def identity(self) -> NDArray[np.int64]:
        """(N,) the same number for the rows of one molecule, from 0 in order of first rows."""
        return numbered(self.canonical)

    def column(self, name: str) -> list[str]:
        """Return a column's cells; raises :class:`RncGraphError` naming the columns there are."""
        if name not in self.columns:
            known = ", ".join(map(repr, self.columns)) or "none"
            raise BadValueError(
                f"{self.name}: no column {name!r} to split by; columns at hand: {known}"
            )
        return self.columns[name]


def numbered(values: Sequence[str]) -> NDArray[np.int64]:
    """Number equal values alike, from 0 in order of their first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def merged(*groupings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the finest groups (N,) that tear none of several groupings, numbered by first rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = len(groupings[0])
    # Rows and groups are the nodes of a graph, and each row is tied to its groups.
    ends, first = [], rows
    for grouping in groupings:
        ends.append(first + grouping)
        first += int(grouping.max(initial=-1)) + 1
    source = np.tile(np.arange(rows), len(groupings))
    ties = coo_array((np.ones(len(source)), (source, np.concatenate(ends))), shape=(first, first))
    _, labels = connected_components(ties, directed=False)
    return numbered([str(label) for label in labels[:rows]])


def groups_of(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each group, by its number."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.cumsum(np.bincount(numbers))[:-1])


def balanced(
    groups: list[NDArray[np.int64]], seed: int, fractions: Fractions
) -> list[NDArray[np.int64]]:
    """Return the groups too large for half of a held-out set first, the others at random."""
    rows = sum(map(len, groups))
    smallest = min(share for share in fractions[1:] if share > 0)
    large = [group for group in groups if len(group) > smallest * rows / 2]
    others = [group for group in groups if len(group) <= smallest * rows / 2]
    order = np.random.default_rng(seed).permutation(len(others))
    return [*large, *(others[place] for place in order)]


def check_fractions(fractions: Fractions) -> None:
    """Raise :class:`RncGraphError` unless the shares are possible; only the test's may be 0."""
    train, validation, test = fractions
    if min(train, validation) <= 0 or test < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise BadValueError(
            "the shares of the training and validation set must be positive, that of the test "
            f"part not negative, and they must sum to 1; found {fractions}"
        )


def filled(groups: Sequence[NDArray[np.int64]], fractions: Fractions) -> Split:
    """Give whole groups of rows, in order, to the training set, then validation, then test.

    A group goes to the first part that it does not make larger than its share, else to the last.
    """
    rows = sum(map(len, groups))
    limits = [round(share * rows) for share in fractions[:2]]
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    sizes = [0, 0, 0]
    last = 2 if fractions[2] > 0 else 1
    for group in groups:
        part = next((p for p in range(last) if sizes[p] + len(group) <= limits[p]), last)
        parts[part].append(group)
        sizes[part] += len(group)
    train, validation, test = (
        np.sort(np.concatenate(part)) if part else np.empty(0, dtype=np.int64) for part in parts
    )
    return Split(train=train, validation=validation, test=test)


def checked(split: Split, molecules: SplitMolecules, fractions: Fractions, how: str) -> Split:
    """Return a split that has all its parts and tears no molecule apart.

    Raises:
        RncGraphError: a part is empty, or a molecule stands in two.
    """
    wanted = {"train": True, "validation": True, "test": fractions[2] > 0}
    for part, needed in wanted.items():
        if needed and len(getattr(split, part)) == 0:
            raise BadValueError(
                f"{molecules.name}: a {how} split leaves the {part} part empty: "
                f"{len(molecules)} molecules in groups that large cannot be divided so; use other "
                "shares, more molecules, or another split"
            )
    torn = torn_rows(split, molecules)
    if torn:
        first, second = (molecules.rows[row] for row in torn[0])
        raise BadValueError(
            f"{molecules.name}: the {how} split puts one molecule into two parts, in rows {first} "
            f"and {second}"
            + (f" ({len(torn)} such pairs)" if len(torn) > 1 else "")
            + "; put them "
            "into one part, merge them, or drop the copies (leaks='drop', --drop-leaks)"
        )
    return split


def torn_rows(split: Split, molecules: SplitMolecules) -> list[tuple[int, int]]:
    """Return pairs of a molecule's first row and one of its rows in another part."""
    part = np.full(len(molecules), -1)
    for number, rows in enumerate((split.train, split.validation, split.test)):
        part[rows] = number
    first: dict[str, int] = {}
    torn = []
    for row in np.flatnonzero(part >= 0).tolist():
        earlier = first.setdefault(molecules.canonical[row], row)
        if part[earlier] != part[row]:
            torn.append((earlier, row))
    return torn
