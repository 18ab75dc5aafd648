"""A search over a method's settings, judged on validation sets alone."""

from rnc_graph.experiments.search.searching import SearchOutcome, print_search, search

__all__ = ["SearchOutcome", "print_search", "search"]
