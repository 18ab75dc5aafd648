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
        name: what it is called by.
        title: what was measured, for whom the name says too little.
        rows: N; a file with another number is refused.
        smiles: the column of SMILES.
        targets: the t columns of measured values.
        missing: whether an empty cell of a target is a value that was not measured.
        unit: unit of the targets.
        source: the paper, and where the file comes from.
        license: of the data.
        published_predictions: columns of predictions that came with the data, by their model.
        split: the parts it comes with, "" for none.
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


class EmbeddedCard(DatasetCard):
    """A data set whose CSV lies beside its card, checked against the checksum at each load."""

    file: str
    sha256: str
    columns: dict[str, str]


class ElsewhereCard(DatasetCard):
    """A data set that another project keeps.

    Attributes:
        collection: the project, which has a reader here.
        file: file or folder, below the data folder.
        get: how to get it, as one types it.
        by_hand: how to get it without; ``{url}`` and ``{path}`` are filled in.
        url: what a download fetches, "" where ``get`` names another way.
    """

    collection: str
    file: str
    get: str
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
    # The parser in C, where PyYAML has it, reads all cards in a few milliseconds.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    return document
