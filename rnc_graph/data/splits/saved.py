"""A split on disk, for use with the same table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnc_graph.data.splits.split import Split, SplitSamples
from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.files import write_text

_SETS = ("train", "validation", "test")


def save_split(path: Path, split: Split, samples: SplitSamples, how: Mapping[str, Any]) -> None:
    """Write a split as JSON: the numbers of its rows, how it was made, and a digest of the table.

    Raises:
        OSError: the file cannot be written.
    """
    rows = {name: samples.rows[split.sets()[name]].tolist() for name in _SETS}
    content = {"how": dict(how), "molecules_sha256": _digest(samples), **rows}
    write_text(path, json.dumps(content) + "\n")


def load_split(path: Path, samples: SplitSamples) -> Split:
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
    if not isinstance(content, dict) or not {*_SETS, "molecules_sha256"} <= content.keys():
        raise BadValueError(
            f"{path}: is no split; it needs the keys {', '.join(_SETS)} and molecules_sha256"
        )
    if content["molecules_sha256"] != _digest(samples):
        raise BadValueError(
            f"{path}: is the split of another table: the molecules of {samples.name}, or their "
            "order, differ"
        )
    place = {int(row): number for number, row in enumerate(samples.rows)}
    try:
        train, validation, test = (
            np.array([place[row] for row in content[name]], dtype=np.int64) for name in _SETS
        )
    except (KeyError, TypeError) as error:
        raise BadValueError(f"{path}: names a row that {samples.name} lacks: {error}") from error
    given = np.concatenate([train, validation, test])
    if len(np.unique(given)) < len(given):
        raise BadValueError(f"{path}: names a row twice")
    return Split(train, validation, test)


def _digest(samples: SplitSamples) -> str:
    described = json.dumps([samples.keys, samples.rows.tolist()])
    return hashlib.sha256(described.encode()).hexdigest()
