"""Tables of molecules, splits, scaling, features, the packed store, batches and views."""

from rnc_graph.data.catalogue import (
    NamedDataset,
    dataset_cards,
    list_datasets,
    load_dataset,
    load_named_dataset,
)
from rnc_graph.data.features import featurise
from rnc_graph.data.loader import Batches
from rnc_graph.data.long_tail import quantile_edges, thin_to_long_tail
from rnc_graph.data.molecules import LongTail, MoleculeData, PreparedSplit
from rnc_graph.data.outside import without
from rnc_graph.data.packed import PackedGraphs
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.splits import Split, random_split
from rnc_graph.data.table import MoleculeTable, read_table

__all__ = [
    "Batches",
    "LongTail",
    "MoleculeData",
    "MoleculeTable",
    "NamedDataset",
    "PackedGraphs",
    "PreparedSplit",
    "Split",
    "TargetScaler",
    "dataset_cards",
    "featurise",
    "list_datasets",
    "load_dataset",
    "load_named_dataset",
    "quantile_edges",
    "random_split",
    "read_table",
    "thin_to_long_tail",
    "without",
]
