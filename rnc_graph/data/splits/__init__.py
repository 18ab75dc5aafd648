"""Splits into training, validation and test set: no molecule stands in two of them."""

from rnc_graph.data.splits import chemical, drawn, given  # noqa: F401 - they enter their splitters
from rnc_graph.data.splits.folds import folds
from rnc_graph.data.splits.molecules import SplitMolecules
from rnc_graph.data.splits.registry import SPLITS, Splitter
from rnc_graph.data.splits.saved import load_split, save_split
from rnc_graph.data.splits.split import Split, random_split

__all__ = [
    "SPLITS",
    "Split",
    "SplitMolecules",
    "Splitter",
    "folds",
    "load_split",
    "random_split",
    "save_split",
]
