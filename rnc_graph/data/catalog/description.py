"""What is inside a named data set: its table, its card, its published split and subsets."""

from __future__ import annotations

from dataclasses import dataclass

from rnc_graph.data.catalog.card import DatasetCard
from rnc_graph.data.catalog.load import load_named_dataset
from rnc_graph.data.catalog.named import NamedDataset
from rnc_graph.data.description import TableDescription
from rnc_graph.data.description import describe as describe_table


@dataclass(frozen=True)
class DatasetDescription(TableDescription):
    """What is inside a named data set.

    Attributes:
        card: its source, license and unit.
        set_sizes: molecules in each set of its published split.
        subsets: molecules in each subset it came with.
    """

    card: DatasetCard
    set_sizes: dict[str, int]
    subsets: dict[str, int]


def describe_dataset(
    name: str, *, download: bool = False, structures: bool = False
) -> DatasetDescription:
    """Read a named data set and describe it.

    Arguments and errors are those of :func:`rnc_graph.data.load_dataset` and
    :func:`rnc_graph.data.description.describe`.
    """
    return describe(load_named_dataset(name, download=download), structures=structures)


def describe(dataset: NamedDataset, *, structures: bool = False) -> DatasetDescription:
    """Describe a data set that is loaded."""
    sets = dataset.given_split.sets() if dataset.given_split else {}
    return DatasetDescription(
        **vars(describe_table(dataset.table, structures=structures)),
        card=dataset.card,
        set_sizes={name: len(rows) for name, rows in sets.items() if len(rows)},
        subsets={subset: int(mask.sum()) for subset, mask in dataset.subsets.items()},
    )
