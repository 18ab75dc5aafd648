"""The named data sets: embedded ones, and those read from where other projects keep them.

Each has a card, in ``datasets/`` if its file is embedded and in ``datasets/elsewhere/`` if not.
Nothing is downloaded unless the caller asks for it.
"""

from rnc_graph.data.catalog.card import DatasetCard, dataset_card, dataset_cards
from rnc_graph.data.catalog.description import DatasetDescription, describe_dataset
from rnc_graph.data.catalog.load import (
    DatasetEntry,
    list_datasets,
    load_card,
    load_dataset,
    load_named_dataset,
    markdown_table,
)
from rnc_graph.data.catalog.named import NamedDataset

__all__ = [
    "DatasetCard",
    "DatasetDescription",
    "DatasetEntry",
    "NamedDataset",
    "dataset_card",
    "dataset_cards",
    "describe_dataset",
    "list_datasets",
    "load_card",
    "load_dataset",
    "load_named_dataset",
    "markdown_table",
]
