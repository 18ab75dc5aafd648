"""MoleculeNet through DeepChem, with DeepChem's scaffold split."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from typing import Any

import numpy as np

from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.data.catalog.elsewhere import has_moleculenet, how_to_get, obtain_moleculenet
from rnc_graph.data.catalog.named import NamedDataset
from rnc_graph.data.splits import Split
from rnc_graph.data.table import MoleculeTable
from rnc_graph.errors import BadValueError, MissingPackageError, RunError


def is_available(card: ElsewhereCard) -> bool:
    """Return whether DeepChem is installed and the file is on this computer."""
    return find_spec("deepchem") is not None and has_moleculenet(card)


def read(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read the data set, in the order of DeepChem's sets; raises :class:`BadValueError`."""
    if find_spec("deepchem") is None:
        raise MissingPackageError(how_to_get(card, "DeepChem is not installed"))
    folder = str(obtain_moleculenet(card, may_download).parent)
    with _quiet():
        try:
            deepchem = importlib.import_module("deepchem")
            load = getattr(deepchem.molnet, f"load_{card.name.rpartition('/')[2]}")
            _, sets, _ = load(
                featurizer=deepchem.feat.DummyFeaturizer(),
                splitter="scaffold",
                transformers=[],
                reload=False,
                data_dir=folder,
                save_dir=folder,
            )
        except Exception as error:
            raise RunError(
                f"data set {card.name!r}: DeepChem cannot load it from {folder}: "
                f"{type(error).__name__}: {error}"
            ) from error
    tables = [deepchem_table(one, card.targets) for one in sets]
    ends = np.cumsum([len(table) for table in tables])
    table = MoleculeTable(
        name=card.name,
        smiles=[smiles for table in tables for smiles in table.smiles],
        targets=np.concatenate([table.targets for table in tables]),
        target_names=list(card.targets),
        unit=card.unit,
    )
    return NamedDataset(card, table, Split(*np.split(np.arange(ends[-1]), ends[:-1])))


def deepchem_table(
    data: Any, tasks: Sequence[str] | None = None, transformers: Sequence[Any] = ()
) -> MoleculeTable:
    """Return the table of a DeepChem data set.

    Args:
        data: a ``deepchem.data.Dataset`` whose ``ids`` are SMILES.
        tasks: names of its targets; its own by default.
        transformers: of its targets, which are undone.

    Raises:
        BadValueError: it has no ``ids``, ``y`` and ``w``.
    """
    if not all(hasattr(data, name) for name in ("ids", "y", "w")):
        raise BadValueError(f"expected a deepchem.data.Dataset, got {type(data).__name__}")
    y = np.asarray(data.y)
    for transformer in reversed(transformers):
        if transformer.transform_y:
            # Each row twice: it takes the axes of a single row for those of tasks.
            y = transformer.untransform(np.repeat(y, 2, axis=0))[::2]
    # DeepChem writes 0 with weight 0 for a value that is missing. One weight may be for a row.
    y, weights = (np.asarray(values).reshape(len(data.ids), -1) for values in (y, data.w))
    targets = np.where(weights > 0, y, np.nan).astype(np.float64)
    names = data.get_task_names() if tasks is None else tasks
    return MoleculeTable(
        "DeepChem", [str(text) for text in data.ids], targets, list(map(str, names))
    )


def unpacked(data: Any) -> tuple[Sequence[str] | None, Sequence[Any], Sequence[Any]]:
    """Return the names of the tasks, the data sets and the transformers of what DeepChem gives."""
    if not isinstance(data, tuple):
        return None, (data,), ()
    if len(data) == 3 and isinstance(data[1], tuple):
        tasks, sets, transformers = data
        return tasks, sets, transformers
    return None, data, ()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the messages of an import, and of what it imports, from the console."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
