"""Tables of molecules, splits, scaling, features, the packed store, batches and views.

A name is loaded when it is asked for: the processes that only featurize need neither torch nor PyG.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnc_graph.data.catalog import (
        NamedDataset,
        dataset_cards,
        list_datasets,
        load_dataset,
        load_named_dataset,
    )
    from rnc_graph.data.description import describe
    from rnc_graph.data.duplicates import without
    from rnc_graph.data.graphs import GraphDataset
    from rnc_graph.data.loader import Loader, Subset
    from rnc_graph.data.long_tail import thin_to_long_tail
    from rnc_graph.data.molecules import MoleculeDataset
    from rnc_graph.data.reading.strict import read_table
    from rnc_graph.data.recipe import DatasetSplit, LongTail, SplitRecipe
    from rnc_graph.data.scaling import TargetScaler
    from rnc_graph.data.schema import GraphSchema
    from rnc_graph.data.splits import Split, random_split
    from rnc_graph.data.table import MoleculeTable

__all__ = [
    "DatasetSplit",
    "GraphDataset",
    "GraphSchema",
    "Loader",
    "LongTail",
    "MoleculeDataset",
    "MoleculeTable",
    "NamedDataset",
    "Split",
    "SplitRecipe",
    "Subset",
    "TargetScaler",
    "dataset_cards",
    "describe",
    "list_datasets",
    "load_dataset",
    "load_named_dataset",
    "random_split",
    "read_table",
    "thin_to_long_tail",
    "without",
]

_MODULES = {
    "catalog": "NamedDataset dataset_cards list_datasets load_dataset load_named_dataset",
    "description": "describe",
    "duplicates": "without",
    "graphs": "GraphDataset",
    "loader": "Loader Subset",
    "long_tail": "thin_to_long_tail",
    "molecules": "MoleculeDataset",
    "reading.strict": "read_table",
    "recipe": "LongTail DatasetSplit SplitRecipe",
    "scaling": "TargetScaler",
    "schema": "GraphSchema",
    "splits": "Split random_split",
    "table": "MoleculeTable",
}


def __getattr__(name: str) -> Any:
    """Load a public name."""
    for module, names in _MODULES.items():
        if name in names.split():
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
