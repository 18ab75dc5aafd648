"""Molecules with several rows in a table, and ways to merge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.smiles import canonical_smiles
from rnc_graph.data.splits.split import first_rows, groups_of, numbered
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import plural

TOLERANCE = 0.2
"""Values of one molecule that are further apart, in standard deviations of the target, conflict."""

How = Literal["mean", "median", "first"]


@dataclass(frozen=True)
class Duplicates:
    """Molecules with several rows.

    Attributes:
        groups: the rows (from 0) of each such molecule.
        conflicts: those of them whose values differ by more than ``TOLERANCE``.
    """

    groups: list[NDArray[np.int64]]
    conflicts: list[NDArray[np.int64]]

    def summary(self, rows: NDArray[np.int64]) -> str:
        """Return what was found in words; ``rows`` (N,) are the row numbers in the file."""
        text = repeats(len(self.groups), len(self.conflicts))
        if not self.conflicts:
            return text
        return f"{text}, such as rows {', '.join(str(row) for row in rows[self.conflicts[0]])}"


def repeats(molecules: int, conflicts: int) -> str:
    """Say how many molecules are in several rows, and whose values conflict.

    >>> repeats(1, 0), repeats(0, 0)
    ('1 molecule is in several rows; their values agree', 'no molecule is in several rows')
    """
    if not molecules:
        return "no molecule is in several rows"
    text = f"{plural(molecules, 'molecule')} {'is' if molecules == 1 else 'are'} in several rows"
    if not conflicts:
        return f"{text}; their values agree"
    return f"{text}; the values of {conflicts} differ by more than {TOLERANCE} standard deviations"


def find_duplicates(canonical: Sequence[str], targets: FloatArray) -> Duplicates:
    """Find molecules with several of N rows; ``targets`` are (N, t), NaN where missing."""
    groups = [rows for rows in groups_of(numbered(canonical)) if len(rows) > 1]
    known = [column[~np.isnan(column)] for column in targets.T]
    sd = np.array([values.std() if len(values) else 0.0 for values in known])

    def differ(rows: NDArray[np.int64]) -> bool:
        values = targets[rows]
        spread = np.fmax.reduce(values) - np.fmin.reduce(values)
        return bool((spread > TOLERANCE * sd).any())

    return Duplicates(groups, [rows for rows in groups if differ(rows)])


def merge_duplicates(table: MoleculeTable, canonical: Sequence[str], how: How) -> MoleculeTable:
    """Return the table with one row a molecule: its first, with the values of all its rows.

    ``how`` is "mean" (with the rows' weights) or "median" of the known values of each target, or
    "first" for the first one; ``canonical`` are the N canonical SMILES. A molecule without a
    value keeps its tightest bound on the side of the first. A merged row has the sum of the weights
    of its rows.
    """
    targets = table.targets.copy()
    censored = None if table.censored is None else table.censored.copy()
    weights = None if table.weights is None else table.weights.copy()
    exact = table.exact
    later: list[int] = []
    for rows in find_duplicates(canonical, targets).groups:
        own = np.ones(len(rows)) if weights is None else weights[rows]
        for target, values in enumerate(exact[rows].T):
            bounds = targets[rows, target]
            known = ~np.isnan(values)
            if known.any():
                merged = {
                    "mean": np.average(values[known], weights=own[known]),
                    "median": np.median(values[known]),
                    "first": values[known][0],
                }
                targets[rows[0], target] = merged[how]
                if censored is not None:
                    censored[rows[0], target] = 0
            elif censored is not None and censored[rows, target].any():
                sides = censored[rows, target]
                side = sides[sides != 0][0]
                targets[rows[0], target] = side * (side * bounds[sides == side]).max()
                censored[rows[0], target] = side
        if weights is not None:
            weights[rows[0]] = own.sum()
        later += rows[1:].tolist()
    kept = np.setdiff1d(np.arange(len(table)), later)
    return replace(table, targets=targets, censored=censored, weights=weights).take(kept)


def lost_bounds(table: MoleculeTable, canonical: Sequence[str]) -> int:
    """Return how many molecules have bounds that :func:`merge_duplicates` leaves out.

    These are molecules with a value too, or with bounds on both sides.
    """
    if table.censored is None:
        return 0
    lost = 0
    for rows in groups_of(numbered(canonical)):
        above, below = ((table.censored[rows] == side).any(axis=0) for side in (1, -1))
        known = ~np.isnan(table.exact[rows]).all(axis=0)
        lost += int(((above & below) | ((above | below) & known)).any())
    return lost


def merge_transformed(
    table: MoleculeTable, canonical: Sequence[str], how: How, scaler: TargetScaler
) -> MoleculeTable:
    """Merge as :func:`merge_duplicates`, in the scale of a model's transforms of the targets."""
    transformed = replace(table, targets=scaler.transform(table.targets))
    merged = merge_duplicates(transformed, canonical, how)
    rows = np.sort(first_rows(canonical, np.arange(len(table))))
    # What was not merged is kept to the bit.
    changed = transformed.targets[rows] != merged.targets
    inverted = scaler.invert(merged.targets)
    return replace(merged, targets=np.where(changed, inverted, table.targets[rows]))


def without(smiles: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return those of ``smiles`` whose molecule is none of ``known``, by canonical SMILES.

    Raises:
        ValueError: a SMILES gives no molecule.

    >>> without(["OCC", "c1ccccc1"], ["CCO"])
    ['c1ccccc1']
    """
    excluded = {canonical_smiles(text) for text in known}
    return [text for text in smiles if canonical_smiles(text) not in excluded]
