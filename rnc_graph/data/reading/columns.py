"""Which column holds the SMILES, which the targets, and which are ignored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rnc_graph.data.bad import shorten
from rnc_graph.data.reading.numbers import MISSING, looks_numeric, split_relation
from rnc_graph.errors import BadValueError, MissingColumnError, did_you_mean, plural

SMILES_NAMES = ("smiles", "canonical_smiles", "isomeric_smiles", "structure", "mol", "molecule")
TARGET_NAMES = ("target", "y", "label", "value")
TITLE = "title"
"""The column of the titles of an SDF: numbers in it are no measured values."""
_RELATIONS = ("relation", "operator", "qualifier", "censor", "standard_relation")
_WEIGHTS = ("weight", "weights", "sample_weight")
_UNITS = ("unit", "units", "standard_units")
_SPLITS = ("split", "set", "fold", "subset", "partition")
_SETS = frozenset(("train", "training", "validation", "valid", "val", "dev", "test", "testing", ""))
_EXACT = frozenset(("", "=", "'='"))
# Different cells of a column that are counted: a unit or a relation has few.
_MOST = 1_000


@dataclass(frozen=True)
class ChosenColumns:
    """The columns of SMILES and targets, and what was guessed of them."""

    smiles: str
    targets: list[str]
    notes: list[str]


def is_molecule(text: str) -> bool:
    """Return whether a text is a SMILES."""
    from rdkit import Chem

    from rnc_graph.data.rdkit_log import quiet

    if len(text.split()) != 1:  # RDKit takes what follows a blank for a name.
        return False
    with quiet():
        molecule = Chem.MolFromSmiles(text)
    return molecule is not None and molecule.GetNumAtoms() > 0


def check_column(columns: Sequence[str], name: str, source: str) -> None:
    """Raise :class:`MissingColumnError`, naming the columns there are, if ``name`` is none."""
    if name in columns:
        return
    raise MissingColumnError(
        f"{source}: no column {name!r}; its columns are: {_listed(columns)}"
        + did_you_mean(name, columns),
        name,
    )


def choose_columns(
    columns: Sequence[str],
    sample_rows: pd.DataFrame,
    smiles: str | None = None,
    targets: Sequence[str] | None = None,
    *,
    source: str = "the table",
) -> ChosenColumns:
    """Check the columns that are given, and guess those that are left out.

    Args:
        columns: the columns there are.
        sample_rows: some rows of text cells, with these columns.
        smiles: the column of SMILES; guessed by its name, else by its cells.
        targets: the columns of targets; guessed by their names, else the one column of numbers.
        source: what messages call the table.

    Raises:
        RncGraphError: there is no such column, or the guess has none or several to choose from.
    """
    notes: list[str] = []
    for name in [*([smiles] if smiles is not None else []), *(targets or [])]:
        check_column(columns, name, source)
    if smiles is None:
        given = [name for name in targets or [] if spelled(name) not in SMILES_NAMES]
        others = [column for column in columns if column not in given]
        smiles, notes = choose_smiles(others, sample_rows, source=source)
    if targets is None:
        others = [column for column in columns if column != smiles]
        found = _named(others, TARGET_NAMES) or number_columns(
            [name for name in others if spelled(name) != TITLE], sample_rows
        )
        targets = [_only(found, "the target", "--target", columns, source)]
        notes.append(f"the target is column {targets[0]!r}")
    if not targets:
        raise BadValueError(f"{source}: no target is given; name one with --target")
    if smiles in targets:
        raise BadValueError(
            f"{source}: column {smiles!r} is that of SMILES; name another one with --target"
        )
    twice = [name for name in targets if targets.count(name) > 1]
    if twice:
        raise BadValueError(f"{source}: column {twice[0]!r} is asked for twice")
    return ChosenColumns(smiles, list(targets), notes)


def choose_smiles(
    columns: Sequence[str],
    sample_rows: pd.DataFrame,
    smiles: str | None = None,
    *,
    source: str = "the table",
) -> tuple[str, list[str]]:
    """Check the column of SMILES, or guess it; return it and what was guessed.

    Raises:
        RncGraphError: there is no such column, or the guess has none or several to choose from.
    """
    if smiles is not None:
        check_column(columns, smiles, source)
        return smiles, []
    candidates = _named(columns, SMILES_NAMES) or [
        column for column in columns if _mostly_molecules(sample_rows[column])
    ]
    found = _only(candidates, "SMILES", "--smiles", columns, source)
    return found, [f"SMILES are taken from column {found!r}"]


def number_columns(columns: Sequence[str], sample_rows: pd.DataFrame) -> list[str]:
    """Return the columns whose cells are numbers, nine in ten at least of those that are filled."""
    return [column for column in columns if _mostly_numbers(sample_rows[column])]


def is_id_or_weight(column: str) -> bool:
    """Return whether a column has a name that tells that its numbers are no measured values."""
    name = spelled(column)
    return name in ("id", TITLE, "index", "unnamed:_0", "w", *_WEIGHTS) or name.endswith("_id")


def _only(
    candidates: list[str], what: str, option: str, columns: Sequence[str], source: str
) -> str:
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise BadValueError(
            f"{source}: several columns may be {what}: {_listed(candidates)}; choose by {option}"
        )
    raise BadValueError(
        f"{source}: no column looks like {what}; name it with {option}; its columns are: "
        + _listed(columns)
    )


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(repr(shorten(name)) for name in names[:most]) + more


def _named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the columns of the first of the usual names that there is."""
    return next(
        (found for name in names if (found := [c for c in columns if spelled(c) == name])), []
    )


def spelled(column: str) -> str:
    """Return a column's name as the lists of usual names spell it."""
    return column.strip().lower().replace(" ", "_")


def _mostly_molecules(cells: "pd.Series[str]") -> bool:
    filled = [cell for cell in cells.head(50) if cell.strip()]
    # A table may have 20,000 columns: few cells tell that one holds numbers or words.
    if not filled or looks_numeric(filled[0]) or not any(map(is_molecule, filled[:5])):
        return False
    return 2 * sum(map(is_molecule, filled)) > len(filled)


def _mostly_numbers(cells: "pd.Series[str]") -> bool:
    """Return whether nine in ten cells are numbers: a word here and there spoils no column."""
    numbers = words = 0
    for cell in cells:
        if looks_numeric(split_relation(cell)[1]):
            numbers += 1
        elif cell.strip().lower() not in MISSING:
            words += 1
            if 10 * words >= len(cells):
                return False
    return numbers > 9 * words


class IgnoredColumns:
    """Counts the cells of columns with telling names that nothing reads."""

    def __init__(self, columns: Sequence[str], used: Sequence[str]) -> None:
        telling = (*_RELATIONS, *_WEIGHTS, *_UNITS, *_SPLITS, *SMILES_NAMES)
        self._cells: dict[str, Counter[str]] = {
            name: Counter()
            for name in columns
            if name not in used and spelled(name).removeprefix("standard_") in telling
        }

    def add(self, frame: pd.DataFrame) -> None:
        """Count the cells of some rows."""
        for name, counts in self._cells.items():
            if len(counts) < _MOST:
                counts.update(cell.strip() for cell in frame[name])

    def notes(self) -> list[str]:
        """Say what is ignored, and what to do about it."""
        found = (self._note(name, spelled(name), cells) for name, cells in self._cells.items())
        return [note for note in found if note]

    def _note(self, name: str, kind: str, cells: Counter[str]) -> str:
        several = len({cell for cell in cells if cell}) > 1
        if kind in _RELATIONS:
            bounds = sum(count for cell, count in cells.items() if cell not in _EXACT)
            if bounds:
                are = "is a bound" if bounds == 1 else "are bounds"
                return (
                    f"column {name!r} is ignored: {plural(bounds, 'row')} {are}, read as exact "
                    f"values; with --relation {name!r} train reads them as bounds"
                )
        elif kind in _UNITS and several:
            listed = ", ".join(repr(cell) for cell, _ in cells.most_common(3))
            return (
                f"column {name!r} is ignored: the values have several units ({listed}, ...); "
                "convert them to one unit first"
            )
        elif kind in _WEIGHTS and several:
            return f"column {name!r} is ignored: to weigh rows by it, give --weight {name!r}"
        elif kind in _SPLITS and several and {cell.lower() for cell in cells} <= _SETS:
            return f"column {name!r} is ignored: to split by it, give --split-column {name}"
        elif kind in SMILES_NAMES:
            return f"column {name!r} is ignored: a model reads one column of SMILES"
        return ""
