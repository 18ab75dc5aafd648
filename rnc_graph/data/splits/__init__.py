"""Splits into training, validation and test set; a molecule is never in two of them."""

from rnc_graph.data.splits import chemical  # noqa: F401 - it registers its splitters
from rnc_graph.data.splits.given import load_split, save_split
from rnc_graph.data.splits.random_splits import folds, random_split
from rnc_graph.data.splits.split import PUBLISHED, SPLITS, SUBSET, Split, SplitSamples, Splitter

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
