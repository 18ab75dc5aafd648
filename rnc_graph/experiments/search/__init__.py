"""A search over a method's settings, evaluated on validation sets alone."""

from rnc_graph.experiments.search.study import SearchOutcome, search

__all__ = ["SearchOutcome", "search"]
