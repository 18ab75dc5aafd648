"""Loading a data set by its name, and the list of all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnc_graph.data.catalog import deepchem, elsewhere
from rnc_graph.data.catalog.card import ElsewhereCard, EmbeddedCard, dataset_card, dataset_cards
from rnc_graph.data.catalog.named import NamedDataset, read_card_table
from rnc_graph.data.table import MoleculeTable
from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.files import resource_dir

Has = Callable[[ElsewhereCard], bool]
Read = Callable[[ElsewhereCard, bool], NamedDataset]

READERS: dict[str, tuple[Has, Read]] = {
    "deepchem": (deepchem.is_available, deepchem.read),
    "moleculeace": (elsewhere.has_moleculeace, elsewhere.read_moleculeace),
    "ogb": (elsewhere.has_ogb, elsewhere.read_ogb),
    "pyg": (elsewhere.has_moleculenet, elsewhere.read_moleculenet),
}
"""How the data sets of each collection are found and read."""


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
        return load_card(card, resource_dir("datasets") / card.file)
    _, read = READERS[card.collection]
    return read(card, download).with_columns()


def load_card(card: EmbeddedCard, path: Path) -> NamedDataset:
    """Load the embedded data set of ``card`` from ``path``, checked against its checksum.

    Raises:
        RncGraphError: the file cannot be read, or differs from its card.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
    if found != card.sha256:
        raise BadValueError(
            f"{path}: its SHA-256 is {found}, the card of {card.name!r} says {card.sha256}; "
            "restore the file, or correct the card if the change is meant"
        )
    table = read_card_table(path, card)
    if card.published_predictions:
        from rnc_graph.data.reading.strict import numbers, read_csv

        frame = read_csv(path)
        models = card.published_predictions.items()
        published = {model: numbers(frame, column, path) for model, column in models}
        table = replace(table, published_predictions=published)
    return NamedDataset(card, table)


@dataclass(frozen=True)
class DatasetEntry:
    """One line of the list of data sets.

    Attributes:
        card: what is known of it.
        at_hand: whether it can be loaded without a download.
    """

    card: EmbeddedCard | ElsewhereCard
    at_hand: bool


def list_datasets() -> list[DatasetEntry]:
    """Return all named data sets, the embedded ones first; no file of theirs is read."""
    return [
        DatasetEntry(card, isinstance(card, EmbeddedCard) or READERS[card.collection][0](card))
        for card in dataset_cards().values()
    ]


def markdown_table(entries: Sequence[DatasetEntry]) -> str:
    """Return the list as a table in Markdown, the same on every computer."""
    header = ("name", "what", "molecules", "targets", "unit", "license", "how to get it")
    lines = [header, ("---", "---", "---:", "---:", "---", "---", "---")]
    for card in (entry.card for entry in entries):
        get = f"`{card.get}`" if card.get else "embedded"
        cells = (f"`{card.name}`", card.title, f"{card.rows:,}", str(len(card.targets)))
        lines.append((*cells, card.unit, card.license, get))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
