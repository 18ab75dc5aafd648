"""Splits into training, validation and test set; a molecule is never in two of them."""

from rnc_graph.data.splits import chemical, given  # noqa: F401 - they register their splitters
from rnc_graph.data.splits.random_splits import folds, random_split
from rnc_graph.data.splits.registry import SPLITS, Splitter
from rnc_graph.data.splits.saved import load_split, save_split
from rnc_graph.data.splits.split import PUBLISHED, SUBSET, Split, SplitSamples

__all__ = [
    "PUBLISHED",
    "SPLITS",
    "SUBSET",
    "Split",
    "SplitSamples",
    "Splitter",
    "folds",
    "load_split",
    "random_split",
    "save_split",
]
