"""The list of all named data sets, without reading any."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnc_graph.data.catalog.card import EmbeddedCard, dataset_cards
from rnc_graph.data.catalog.load import READERS


@dataclass(frozen=True)
class DatasetEntry:
    """One line of the list.

    Attributes:
        name: what it is called by.
        title: what was measured.
        molecules: N.
        targets: the t columns of measured values.
        unit: of the targets.
        license: of the data.
        at_hand: whether it can be loaded as things are.
        get: how to get it, "" for what is embedded.
        collection: the project that keeps it, "" for what is embedded.
    """

    name: str
    title: str
    molecules: int
    targets: tuple[str, ...]
    unit: str
    license: str
    at_hand: bool
    get: str
    collection: str


def list_datasets() -> list[DatasetEntry]:
    """Return all named data sets, the embedded ones first; no file of theirs is read."""
    return [
        DatasetEntry(
            name=card.name,
            title=card.title,
            molecules=card.rows,
            targets=tuple(card.targets),
            unit=card.unit,
            license=card.license,
            at_hand=isinstance(card, EmbeddedCard) or READERS[card.collection].is_available(card),
            get="" if isinstance(card, EmbeddedCard) else card.get,
            collection="" if isinstance(card, EmbeddedCard) else card.collection,
        )
        for card in dataset_cards().values()
    ]


def markdown_table(entries: Sequence[DatasetEntry]) -> str:
    """Return the list as a table in Markdown, the same on every computer."""
    header = ("name", "what", "molecules", "targets", "unit", "license", "how to get it")
    lines = [header, ("---", "---", "---:", "---:", "---", "---", "---")]
    for entry in entries:
        get = f"`{entry.get}`" if entry.get else "embedded"
        cells = (f"`{entry.name}`", entry.title, f"{entry.molecules:,}", str(len(entry.targets)))
        lines.append((*cells, entry.unit, entry.license, get))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
