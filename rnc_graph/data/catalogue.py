"""The named data sets: a CSV and a card each, in ``datasets/``."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from rnc_graph.data.table import MoleculeTable, numbers, read_csv, read_table
from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.shipped import shipped_dir


class DatasetCard(BaseModel):
    """What is known of an embedded data set; checked against its file at each load."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    file: str
    rows: int
    sha256: str
    smiles: str
    targets: list[str]
    unit: str
    columns: dict[str, str]
    published_predictions: dict[str, str] = {}
    source: str
    licence: str


@cache
def dataset_cards() -> dict[str, DatasetCard]:
    """Return the cards of all embedded data sets by name."""
    cards = [
        DatasetCard.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(shipped_dir("datasets").glob("*.yaml"))
    ]
    return {card.name: card for card in cards}


def dataset_card(name: str) -> DatasetCard:
    """Return the card of data set ``name``; raises :class:`UnknownNameError`."""
    if name not in dataset_cards():
        raise UnknownNameError("data set", name, list(dataset_cards()))
    return dataset_cards()[name]


def load_dataset(name: str) -> MoleculeTable:
    """Load an embedded data set, with its targets in the card's unit.

    Raises:
        UnknownNameError: no data set has this name.
        RncGraphError: the file differs from its card.

    >>> table = load_dataset("esol")
    >>> len(table), table.targets.shape, table.unit
    (1128, (1128, 1), 'log mol/L')
    """
    card = dataset_card(name)
    return load_card(card, shipped_dir("datasets") / card.file)


def load_card(card: DatasetCard, path: Path) -> MoleculeTable:
    """Load the data set of ``card`` from ``path`` after checking the checksum and the rows."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RncGraphError(f"{path}: cannot be read: {error.strerror}") from error
    if found != card.sha256:
        raise RncGraphError(
            f"{path}: its SHA-256 is {found}, the card of {card.name!r} says {card.sha256}; "
            "restore the file, or correct the card if the change is meant"
        )
    table = read_table(path, card.smiles, card.targets, unit=card.unit, name=card.name)
    if len(table) != card.rows:
        raise RncGraphError(
            f"{path}: {len(table)} rows, the card of {card.name!r} says {card.rows}"
        )
    frame = read_csv(path)
    published = {
        model: numbers(frame, column, path) for model, column in card.published_predictions.items()
    }
    return replace(table, published_predictions=published)
