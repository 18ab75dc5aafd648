"""Short names for the content of datasets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import torch

from rnc_graph.data import MoleculeTable
from rnc_graph.data.inputs import ImageStore
from rnc_graph.data.scaling import Transform
from rnc_graph.data.table import Table


def table_digest(
    table: MoleculeTable, transforms: Sequence[Transform] = (), columns: Sequence[str] = ()
) -> str:
    """Return a short name for a table's content, and the transforms of its targets.

    Args:
        table: the names of its rows do not count, unless they are one of ``columns``.
        transforms: of its targets.
        columns: those that splits are made by.
    """
    left_out = {table.id_column}.difference(columns)
    extra = {name: cells for name, cells in table.extra.items() if name not in left_out}
    content: list[Any] = [table.smiles, table.targets.tolist(), table.target_names, extra]
    # Added only where given, so that digests of earlier versions stay.
    if table.censored is not None:
        content.append({"censored": table.censored.tolist()})
    if table.weights is not None:
        content.append({"weights": table.weights.tolist()})
    if transforms:
        content.append({"transforms": transforms})
    published = {name: values.tolist() for name, values in table.published_predictions.items()}
    if published:
        content.append(published)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def image_digest(table: Table, images: ImageStore) -> str:
    """Return a short name for a table's pixels, targets and split."""
    given = getattr(table, "published_split", None)
    parts = None if given is None else given.tolist()
    found = hashlib.sha256(
        json.dumps([table.targets.tolist(), table.target_names, parts, images.shape]).encode()
    )
    for first in range(0, len(images), 256):
        rows = torch.arange(first, min(first + 256, len(images)))
        found.update(images.batch(rows).contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
