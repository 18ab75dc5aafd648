"""Loading a data set by its name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnc_graph.data.catalog import deepchem, moleculeace, moleculenet, ogb
from rnc_graph.data.catalog.card import ElsewhereCard, EmbeddedCard, dataset_card
from rnc_graph.data.catalog.named import NamedDataset
from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.files import resource_dir

if TYPE_CHECKING:
    from rnc_graph.data.table import MoleculeTable


@dataclass(frozen=True)
class Reader:
    """How the data sets of a collection are found and read."""

    is_available: Callable[[ElsewhereCard], bool]
    read: Callable[[ElsewhereCard, bool], NamedDataset]


READERS = {
    "deepchem": Reader(deepchem.is_available, deepchem.read),
    "moleculeace": Reader(moleculeace.is_available, moleculeace.read),
    "ogb": Reader(ogb.is_available, ogb.read),
    "pyg": Reader(moleculenet.is_available, moleculenet.read),
}


def load_dataset(name: str, *, download: bool = False) -> MoleculeTable:
    """Load a named data set, with its targets in the card's unit.

    Args:
        name: an embedded data set, or one of another collection, as in ``pyg/esol``.
        download: whether it may be downloaded if it is not on this computer.

    Raises:
        UnknownNameError: no data set has this name.
        RncGraphError: the file differs from its card, or is not here: then the message says how to
            get it.

    >>> table = load_dataset("esol")
    >>> len(table), table.targets.shape, table.unit
    (1128, (1128, 1), 'log mol/L')
    """
    return load_named_dataset(name, download=download).table


def load_named_dataset(name: str, *, download: bool = False) -> NamedDataset:
    """Load a named dataset with its card, and its published split and subsets.

    Arguments and errors are those of :func:`load_dataset`.
    """
    card = dataset_card(name)
    if isinstance(card, EmbeddedCard):
        found = load_card(card, resource_dir("datasets") / card.file)
    else:
        found = READERS[card.collection].read(card, download)
    return found.with_columns()


def load_card(card: EmbeddedCard, path: Path) -> NamedDataset:
    """Load the embedded data set of ``card`` from ``path``, checked against its checksum.

    Raises:
        RncGraphError: the file cannot be read, or differs from its card.
    """
    from rnc_graph.data.table import numbers, read_csv, read_table

    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
    if found != card.sha256:
        raise BadValueError(
            f"{path}: its SHA-256 is {found}, the card of {card.name!r} says {card.sha256}; "
            "restore the file, or correct the card if the change is meant"
        )
    table = read_table(
        path,
        card.smiles,
        card.targets,
        unit=card.unit,
        name=card.name,
        missing=card.missing,
    )
    frame = read_csv(path)
    published = {
        model: numbers(frame, column, path) for model, column in card.published_predictions.items()
    }
    return NamedDataset(card, replace(table, published_predictions=published))
