"""The cards: what is known of a data set before it is read."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from rnc_graph.errors import UnknownNameError
from rnc_graph.files import resource_dir


class DatasetCard(BaseModel):
    """What every named data set says of itself.

    Attributes:
        title: what was measured, where the name does not say it.
        rows: N; a file with another number is refused.
        smiles: the column of SMILES.
        targets: the t columns of measured values, in ``unit``.
        missing: whether an empty cell of a target is a missing value.
        source: the paper, and where the file comes from.
        published_predictions: columns of predictions that came with the data, by their model.
        split: the sets it comes with, "" for none.
        collection: the project that keeps it, "" for an embedded one.
        get: the command that gets it, "" for an embedded one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    rows: int
    smiles: str
    targets: list[str]
    missing: bool = False
    unit: str
    source: str
    license: str
    published_predictions: dict[str, str] = {}
    split: str = ""
    collection: str = ""
    get: str = ""


class EmbeddedCard(DatasetCard):
    """A data set whose CSV is in ``datasets/``, checked against its checksum at each load."""

    file: str
    sha256: str
    columns: dict[str, str]


class ElsewhereCard(DatasetCard):
    """A data set of another project.

    Attributes:
        file: file or folder, below the data folder.
        by_hand: how to get it without ``get``; ``{url}`` and ``{path}`` are filled in.
        url: what a download fetches, "" where only ``get`` works.
    """

    file: str
    by_hand: str
    url: str = ""


@cache
def dataset_cards() -> dict[str, EmbeddedCard | ElsewhereCard]:
    """Return the cards of all named data sets by name, the embedded ones first."""
    folder = resource_dir("datasets")
    cards: list[EmbeddedCard | ElsewhereCard] = [
        EmbeddedCard.model_validate(_read(path)) for path in sorted(folder.glob("*.yaml"))
    ]
    for path in sorted((folder / "elsewhere").glob("*.yaml")):
        document = _read(path)
        shared = {"collection": document["collection"], **document["common"]}
        for own in document["datasets"]:
            get = {"get": shared["get"].replace("NAME", own["name"])}
            cards.append(ElsewhereCard.model_validate({**shared, **get, **own}))
    return {card.name: card for card in cards}


def dataset_card(name: str) -> EmbeddedCard | ElsewhereCard:
    """Return the card of data set ``name``; raises :class:`UnknownNameError`."""
    if name not in dataset_cards():
        raise UnknownNameError("data set", name, list(dataset_cards()))
    return dataset_cards()[name]


def _read(path: Path) -> dict[str, Any]:
    # PyYAML's parser in C reads all cards in a few milliseconds.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    return document
