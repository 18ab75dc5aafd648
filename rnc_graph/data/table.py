"""Tables of SMILES and targets."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.errors import RncGraphError

FloatArray = NDArray[np.float64]

# What float32 and its squares still hold: no measured quantity comes near.
LARGEST = 1e18


@dataclass(frozen=True)
class MoleculeTable:
    """N molecules with their targets, in the order of the file.

    Attributes:
        name: what messages and results call the table.
        smiles: N SMILES strings.
        targets: (N, t) measured values in ``unit``.
        target_names: the t columns of ``targets``.
        unit: unit of the targets, "" where unknown.
        published_predictions: (N,) predictions that came with the data, by the name of their model,
            in ``unit``.
    """

    name: str
    smiles: list[str]
    targets: FloatArray
    target_names: list[str]
    unit: str = ""
    published_predictions: dict[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.smiles)


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file, every cell as the text it is.

    Raises:
        RncGraphError: the file is missing, unreadable, no CSV, or holds no rows.
    """
    try:
        # Blank lines are kept, so that a row's number tells its line.
        frame = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except FileNotFoundError:
        raise RncGraphError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise RncGraphError(f"{path}: cannot be read as CSV: {error}") from error
    header = pd.read_csv(path, dtype=str, header=None, nrows=1, encoding="utf-8-sig").iloc[0]
    twice = sorted(set(header[header.duplicated()]))
    if twice:
        raise RncGraphError(f"{path}: its header has two columns {', '.join(map(repr, twice))}")
    if not isinstance(frame.index, pd.RangeIndex):
        raise RncGraphError(f"{path}: its lines have more cells than its header has names")
    blank = (frame == "").all(axis=1)
    last = int(np.flatnonzero(~blank).max(initial=-1))
    frame = frame.iloc[: last + 1]  # Blank lines at the end of the file go.
    if frame.empty:
        raise RncGraphError(f"{path}: has no rows below its header")
    return frame


def column(frame: pd.DataFrame, name: str, path: Path) -> list[str]:
    """Return the cells of a column; raises :class:`RncGraphError` naming the columns there are."""
    if name not in frame.columns:
        raise RncGraphError(
            f"{path}: no column {name!r}; its columns are: {', '.join(map(repr, frame.columns))}"
        )
    return [str(cell) for cell in frame[name]]


def numbers(frame: pd.DataFrame, name: str, path: Path) -> FloatArray:
    """Return one column as numbers, (N,).

    Raises:
        RncGraphError: a cell is no number, or beyond ``LARGEST``; the message has its line.
    """
    cells = column(frame, name, path)
    values = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~(np.abs(values) < LARGEST))
    if bad.size:
        row = int(bad[0])
        raise RncGraphError(
            f"{path}, line {row + 2}, column {name!r}: {cells[row]!r} is not a number within "
            f"{LARGEST:g}" + (f" ({bad.size} such rows)" if bad.size > 1 else "")
        )
    return values


def read_table(
    path: Path, smiles: str, targets: list[str], *, unit: str = "", name: str | None = None
) -> MoleculeTable:
    """Read a CSV file of molecules.

    Args:
        path: the file; its first line names the columns.
        smiles: the column of SMILES.
        targets: the columns of measured values.
        unit: unit of the targets.
        name: what messages call the table; the file's path by default.

    Raises:
        RncGraphError: the file, a column, or a value is missing or wrong.
    """
    frame = read_csv(path)
    return MoleculeTable(
        name=name or str(path),
        smiles=column(frame, smiles, path),
        targets=np.stack([numbers(frame, target, path) for target in targets], axis=1),
        target_names=list(targets),
        unit=unit,
    )
