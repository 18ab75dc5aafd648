"""MoleculeNet through DeepChem, with DeepChem's scaffold split."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO

import numpy as np

from rnc_graph.data.catalog import moleculenet
from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.data.catalog.files import not_installed
from rnc_graph.data.catalog.named import GivenSplit, NamedDataset
from rnc_graph.errors import RunError


def is_here(card: ElsewhereCard) -> bool:
    """Tell whether DeepChem is installed and the file is on this computer."""
    return find_spec("deepchem") is not None and moleculenet.is_here(card)


def read(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read the data set, in the order of DeepChem's parts; raises :class:`RncGraphError`."""
    from rnc_graph.data.table import MoleculeTable

    if find_spec("deepchem") is None:
        raise not_installed(card, "DeepChem")
    folder = str(moleculenet.obtain(card, may_download).parent)
    with _quiet():
        try:
            deepchem = importlib.import_module("deepchem")
            load = getattr(deepchem.molnet, f"load_{card.name.rpartition('/')[2]}")
            _, parts, _ = load(
                featurizer=deepchem.feat.DummyFeaturizer(),
                splitter="scaffold",
                transformers=[],
                reload=False,
                data_dir=folder,
                save_dir=folder,
            )
        except Exception as error:
            # Whatever a library of that size raises is no error of the caller's.
            raise RunError(
                f"data set {card.name!r}: DeepChem cannot load it from {folder}: "
                f"{type(error).__name__}: {error}"
            ) from error
    # DeepChem writes 0 with weight 0 for a value that is missing.
    targets = [np.where(part.w > 0, part.y, np.nan).astype(np.float64) for part in parts]
    ends = np.cumsum([len(part) for part in targets])
    train, validation, test = np.split(np.arange(ends[-1]), ends[:-1])
    table = MoleculeTable(
        name=card.name,
        smiles=[str(smiles) for part in parts for smiles in part.ids],
        targets=np.concatenate(targets),
        target_names=list(card.targets),
        unit=card.unit,
    )
    return NamedDataset(card, table, GivenSplit(train=train, validation=validation, test=test))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the messages of an import, and of what it imports, from the console."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
