"""A split on disk, to be used again with the same table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnc_graph.data.splits.molecules import SplitMolecules, checked
from rnc_graph.data.splits.split import Split
from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.files import write_text

_PARTS = ("train", "validation", "test")


def save_split(path: Path, split: Split, molecules: SplitMolecules, how: Mapping[str, Any]) -> None:
    """Write a split as JSON: the numbers of its rows, how it was made, and a digest of the table.

    Raises:
        OSError: the file cannot be written.
    """
    rows = {part: molecules.rows[getattr(split, part)].tolist() for part in _PARTS}
    content = {"how": dict(how), "molecules_sha256": _digest(molecules), **rows}
    write_text(path, json.dumps(content) + "\n")


def load_split(path: Path, molecules: SplitMolecules) -> Split:
    """Read a split of the same molecules in the same rows.

    Raises:
        RncGraphError: the file is missing, is no split, or is that of another table.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise BadValueError(f"{path}: is no JSON: {error}") from error
    if not isinstance(content, dict) or not {*_PARTS, "molecules_sha256"} <= content.keys():
        raise BadValueError(
            f"{path}: is no split; it needs the keys {', '.join(_PARTS)} and molecules_sha256"
        )
    if content["molecules_sha256"] != _digest(molecules):
        raise BadValueError(
            f"{path}: is the split of another table: the molecules of {molecules.name}, or their "
            "order, are not those it was made of"
        )
    place = {int(row): number for number, row in enumerate(molecules.rows)}
    try:
        train, validation, test = (
            np.array([place[row] for row in content[part]], dtype=np.int64) for part in _PARTS
        )
    except (KeyError, TypeError) as error:
        raise BadValueError(f"{path}: names a row that {molecules.name} lacks: {error}") from error
    given = np.concatenate([train, validation, test])
    if len(np.unique(given)) < len(given):
        raise BadValueError(f"{path}: names a row twice")
    fractions = (0.8, 0.1, 0.1) if len(test) else (0.9, 0.1, 0.0)
    return checked(Split(train, validation, test), molecules, fractions, "saved")


def _digest(molecules: SplitMolecules) -> str:
    described = json.dumps([molecules.canonical, molecules.rows.tolist()])
    return hashlib.sha256(described.encode()).hexdigest()
