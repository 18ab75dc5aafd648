"""Which column holds the SMILES and which the targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rnc_graph.data.reading.numbers import MISSING, looks_numeric
from rnc_graph.errors import BadValueError, did_you_mean

SMILES_NAMES = ("smiles", "canonical_smiles", "isomeric_smiles", "structure", "mol", "molecule")
TARGET_NAMES = ("target", "y", "label", "value")


@dataclass(frozen=True)
class ChosenColumns:
    """The columns of SMILES and targets, and what was guessed of them."""

    smiles: str
    targets: list[str]
    notes: list[str]


def is_molecule(text: str) -> bool:
    """Tell whether a text is a SMILES."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(text) if text.strip() else None
    return molecule is not None and molecule.GetNumAtoms() > 0


def check_column(columns: Sequence[str], name: str, source: str) -> None:
    """Raise :class:`RncGraphError`, naming the columns there are, if ``name`` is none of them."""
    if name in columns:
        return
    raise BadValueError(
        f"{source}: no column {name!r}; its columns are: {', '.join(map(repr, columns))}"
        + did_you_mean(name, columns)
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
    others = [column for column in columns if column not in (targets or [])]
    smiles, guessed = choose_smiles(others, sample_rows, smiles, source=source)
    notes += guessed
    if targets is None:
        others = [column for column in columns if column != smiles]
        found = _target_candidates(others, sample_rows)
        targets = [_only(found, "the target", "--target", columns, source)]
        notes.append(f"the target is column {targets[0]!r}")
    if not targets:
        raise BadValueError(f"{source}: no target is given; name one with --target")
    twice = [name for name in targets if targets.count(name) > 1 or name == smiles]
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
    found = _only(_smiles_candidates(columns, sample_rows), "SMILES", "--smiles", columns, source)
    return found, [f"SMILES are taken from column {found!r}"]


def _only(
    candidates: list[str], what: str, option: str, columns: Sequence[str], source: str
) -> str:
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        listed = ", ".join(map(repr, candidates))
        raise BadValueError(
            f"{source}: several columns may be {what}: {listed}; choose by {option}"
        )
    raise BadValueError(
        f"{source}: no column looks like {what}; name it with {option}; its columns are: "
        + ", ".join(map(repr, columns))
    )


def _named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the columns of the first of the usual names that there is."""
    return next(
        (found for name in names if (found := [c for c in columns if spelled(c) == name])), []
    )


def spelled(column: str) -> str:
    """Return a column's name as the lists of usual names spell it."""
    return column.strip().lower().replace(" ", "_")


def _smiles_candidates(columns: Sequence[str], sample: pd.DataFrame) -> list[str]:
    named = _named(columns, SMILES_NAMES)
    return named or [column for column in columns if _mostly_molecules(sample[column])]


def _mostly_molecules(cells: "pd.Series[str]") -> bool:
    filled = [cell for cell in cells.head(50) if cell.strip()]
    # Numbers are no molecules: of 20,000 columns of them none should be parsed.
    if not filled or looks_numeric(filled[0]):
        return False
    return 2 * sum(map(is_molecule, filled)) > len(filled)


def _target_candidates(columns: Sequence[str], sample: pd.DataFrame) -> list[str]:
    named = _named(columns, TARGET_NAMES)
    return named or [column for column in columns if _mostly_numbers(sample[column])]


def _mostly_numbers(cells: "pd.Series[str]") -> bool:
    """Return whether nine in ten cells are numbers: a word here and there spoils no column."""
    numbers = words = 0
    for cell in cells:
        if looks_numeric(cell):
            numbers += 1
        else:
            words += cell.strip().lower() not in MISSING
    return numbers > 9 * words
