"""Splits that the data decide: a group, a time, a part in a column or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from rnc_graph.data.splits.molecules import (
    Fractions,
    SplitMolecules,
    balanced,
    check_fractions,
    checked,
    filled,
    groups_of,
    merged,
    numbered,
    torn_rows,
)
from rnc_graph.data.splits.registry import SPLITS
from rnc_graph.data.splits.saved import load_split
from rnc_graph.data.splits.split import Split
from rnc_graph.errors import BadValueError

Leaks = Literal["raise", "drop"]

_PARTS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@SPLITS.register("group")
class GroupSplitter:
    """Whole groups, such as a series or a laboratory, at random.

    Groups that share a molecule stay together.

    Args:
        column: that names each row's group; an empty cell is a group of its own.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts."""
        check_fractions(fractions)
        cells = [cell.strip() for cell in molecules.column(self.column)]
        own = numbered([f"={cell}" if cell else str(row) for row, cell in enumerate(cells)])
        groups = groups_of(merged(own, molecules.identity))
        return checked(
            filled(balanced(groups, seed, fractions), fractions), molecules, fractions, "group"
        )


@SPLITS.register("time")
class TimeSplitter:
    """The earliest rows for training, the latest for testing; equal times stay together.

    Args:
        column: of numbers or dates, such as 2019 or 2021-04-30.
        leaks: "drop" leaves out the later rows of a molecule that would stand in two parts,
            "raise" names them.
    """

    by_seed = False

    def __init__(self, column: str, leaks: Leaks = "raise") -> None:
        self.column = column
        self.leaks = leaks

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts."""
        check_fractions(fractions)
        times = self._times(molecules)
        order = np.argsort(times, kind="stable")
        # A stretch of equal times ends where the next time is later.
        ends = np.flatnonzero(np.append(times[order][1:] > times[order][:-1], True)) + 1
        limits = np.cumsum(fractions[:2]) * len(order)
        first, second = (int(ends[np.abs(ends - limit).argmin()]) for limit in limits)
        split = Split(order[:first], order[first:second], order[second:])
        split = _without_leaks(split, molecules) if self.leaks == "drop" else split
        return checked(split, molecules, fractions, "time")

    def _times(self, molecules: SplitMolecules) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        cells = pd.Series(molecules.column(self.column), dtype=object)
        times = pd.to_numeric(cells, errors="coerce")
        if times.isna().any():
            dates = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
            times = dates.astype("int64").where(dates.notna()).astype(float)
        bad = np.flatnonzero(times.isna())
        if bad.size:
            raise BadValueError(
                f"{molecules.name}, row {molecules.rows[bad[0]]}, column {self.column!r}: "
                f"{cells[bad[0]]!r} is neither a number nor a date such as 2021-04-30, or the "
                "column mixes both"
            )
        return times.to_numpy(dtype=np.float64)


@SPLITS.register("column")
class ColumnSplitter:
    """The parts that a column names: train, validation (valid, val, dev) or test, in any case.

    Args:
        column: its name.
        leaks: "drop" leaves out the later rows of a molecule that stands in two parts, "raise"
            names them.
    """

    by_seed = False

    def __init__(self, column: str, leaks: Leaks = "raise") -> None:
        self.column = column
        self.leaks = leaks

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts; the shares do not matter, but whether there is a test set does."""
        cells = [cell.strip() for cell in molecules.column(self.column)]
        for row, cell in enumerate(cells):
            if cell.lower() not in _PARTS:
                raise BadValueError(
                    f"{molecules.name}, row {molecules.rows[row]}, column {self.column!r}: "
                    f"{cell!r} is no part; train, validation and test are known"
                )
        parts = np.array([_PARTS[cell.lower()] for cell in cells])
        split = Split(*(np.flatnonzero(parts == part) for part in ("train", "validation", "test")))
        split = _without_leaks(split, molecules) if self.leaks == "drop" else split
        needed = fractions if (parts == "test").any() else (0.9, 0.1, 0.0)
        return checked(split, molecules, needed, f"column {self.column!r}")


@SPLITS.register("file")
class FileSplitter:
    """A split that was saved before, of the same table.

    Args:
        path: a JSON of ``save_split``, such as a model's ``split.json``.
    """

    by_seed = False

    def __init__(self, path: str) -> None:
        self.path = path

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts."""
        return load_split(Path(self.path), molecules)


def _without_leaks(split: Split, molecules: SplitMolecules) -> Split:
    """Leave out the rows of molecules whose first row is in another part."""
    dropped = [row for _, row in torn_rows(split, molecules)]
    parts = (split.train, split.validation, split.test)
    return Split(*(rows[~np.isin(rows, dropped)] for rows in parts))
