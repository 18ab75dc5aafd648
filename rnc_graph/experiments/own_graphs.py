"""Graphs of the user's own: what a function or an object at an import path gives."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnc_graph.data.graphs import GraphDataset
from rnc_graph.data.splits import PUBLISHED
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError, RncGraphError


@dataclass(frozen=True)
class GraphTable:
    """N graphs without SMILES: a ``Table`` whose samples are named by their index.

    Targets (N, t) are continuous, NaN where missing. Graphs of one ``group`` are in the same set of
    a split; ``sets`` names the set of each, if they come with a split.
    """

    name: str
    names: list[str]
    targets: FloatArray
    target_names: list[str]
    rows: NDArray[np.int64]
    unit: str = ""
    group: list[str] | None = None
    classes: tuple[str, ...] = ()
    sets: list[str] | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def extra(self) -> dict[str, list[str]]:
        """The columns that a splitter may take."""
        columns = {"group": self.group, PUBLISHED: self.sets}
        return {name: cells for name, cells in columns.items() if cells is not None}

    def take(self, rows: NDArray[np.int64]) -> GraphTable:
        """Return some of the graphs, which keep their numbers."""
        return replace(
            self,
            names=[self.names[row] for row in rows],
            targets=self.targets[rows],
            rows=self.rows[rows],
            group=None if self.group is None else [self.group[row] for row in rows],
            sets=None if self.sets is None else [self.sets[row] for row in rows],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the table as plain data."""
        return {
            "name": self.name,
            "names": self.names,
            "targets": [[None if np.isnan(v) else v for v in row] for row in self.targets.tolist()],
            "target_names": self.target_names,
            "rows": self.rows.tolist(),
            "unit": self.unit,
            "group": self.group,
            **({"sets": self.sets} if self.sets else {}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> GraphTable:
        """Return the table that :meth:`as_json` described."""
        return cls(
            **{
                **content,
                "targets": np.array(content["targets"], dtype=np.float64),
                "rows": np.array(content["rows"], dtype=np.int64),
            }
        )


def load_graphs(path: str, arguments: Mapping[str, Any]) -> tuple[GraphDataset, list[str] | None]:
    """Import a dataset of graphs with targets, and the set of each graph if it comes with a split.

    Args:
        path: import path of a function that returns, or an object that is, a ``GraphDataset``, a
            PyG dataset, or a list of ``Data`` with ``y``. One with ``get_idx_split()``, as OGB's
            have, comes with a split, and so does a dict of them, by the names "train", "val" (it
            may be missing) and "test".
        arguments: of the function.

    Raises:
        RncGraphError: the import or the function fails, or what it gives is no such dataset.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
        is_function = callable(found) and (isinstance(found, type) or not hasattr(found, "__len__"))
        data = found(**arguments) if is_function else found
    except RncGraphError:
        raise
    except Exception as error:
        raise BadValueError(f"data.pyg: {path}: {type(error).__name__}: {error}") from error
    try:
        data, sets = _divided(data)
        dataset = data if isinstance(data, GraphDataset) else GraphDataset.from_pyg(data)
    except BadValueError as error:
        raise type(error)(f"data.pyg: {path}: {error}") from error
    if dataset.y is None:
        raise BadValueError(f"data.pyg: {path}: expected graphs with targets y, got none")
    return dataset, sets


def _divided(data: Any) -> tuple[Any, list[str] | None]:
    """Return the graphs of all sets, and the name of each one's set; None without a split."""
    if isinstance(data, Mapping):
        if not {"train", "test"} <= data.keys() <= {"train", "val", "test"}:
            raise BadValueError(
                f"expected the sets train, val and test, got {', '.join(map(str, data)) or 'none'}"
            )
        sets = [name for name, graphs in data.items() for _ in range(len(graphs))]
        return [graph for graphs in data.values() for graph in graphs], sets
    if not callable(getattr(data, "get_idx_split", None)):
        return data, None
    sets = [""] * len(data)
    for name, index in data.get_idx_split().items():
        for row in torch.as_tensor(index).tolist():
            sets[row] = name
    return data, sets


def graph_table(
    name: str, dataset: GraphDataset, unit: str, sets: list[str] | None = None
) -> GraphTable:
    """Return the table of a dataset of graphs with targets; ``sets`` are those of its split."""
    assert dataset.y is not None
    count = len(dataset)
    group = getattr(dataset.batch(), "group", None)
    return GraphTable(
        name=name,
        names=[f"graph {number}" for number in range(1, count + 1)],
        targets=dataset.y.numpy(),
        target_names=dataset.target_names,
        rows=np.arange(1, count + 1),
        unit=unit,
        group=None if group is None else [str(value) for value in group.flatten().tolist()],
        sets=sets,
    )


def graphs_digest(dataset: GraphDataset, sets: list[str] | None = None) -> str:
    """Return a short name for the content of all graphs, targets and the sets of a split."""
    named = [len(dataset), dataset.target_names, *([sets] if sets else [])]
    found = hashlib.sha256(json.dumps(named).encode())
    for key, value in sorted(dataset.batch().to_dict().items()):
        if isinstance(value, Tensor):
            array = value.detach().cpu().contiguous()
            found.update(json.dumps([key, str(array.dtype), list(array.shape)]).encode())
            found.update(array.view(torch.uint8).numpy().tobytes() if array.numel() else b"")
    return found.hexdigest()[:16]


def find_local_modules() -> None:
    """Find modules of the working directory, in worker processes too; installed ones come first."""
    folder = str(Path.cwd())
    if folder not in sys.path and "" not in sys.path:
        sys.path.append(folder)
