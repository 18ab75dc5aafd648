"""Columns that a model does not use though they say something of its targets."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from rnc_graph.data.reading.columns import SMILES_NAMES, spelled

_RELATIONS = ("relation", "operator", "qualifier", "censor", "standard_relation")
_WEIGHTS = ("weight", "weights", "sample_weight")
_UNITS = ("unit", "units", "standard_units")
_SPLITS = ("split", "set", "fold", "subset", "partition")
_SETS = frozenset(("train", "training", "validation", "valid", "val", "dev", "test", "testing", ""))
_EXACT = frozenset(("", "=", "'='"))
# Different cells of a column that are counted: a unit or a relation has few.
_MOST = 1_000


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
                return (
                    f"column {name!r} is ignored: {bounds} rows are bounds and are read as exact "
                    "values; remove them from the table if they are not meant so"
                )
        elif kind in _UNITS and several:
            listed = ", ".join(repr(cell) for cell, _ in cells.most_common(3))
            return (
                f"column {name!r} is ignored: the values have several units ({listed}, ...); "
                "convert them to one unit first"
            )
        elif kind in _WEIGHTS and several:
            return f"column {name!r} is ignored: all rows count alike"
        elif kind in _SPLITS and several and {cell.lower() for cell in cells} <= _SETS:
            return f"column {name!r} is ignored: to split by it, give --split-column {name}"
        elif kind in SMILES_NAMES:
            return f"column {name!r} is ignored: a model reads one column of SMILES"
        return ""
