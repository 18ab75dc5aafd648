"""A search over a method's settings, judged on validation parts alone."""

from rnc_graph.search.searching import SearchOutcome, print_search, search

__all__ = ["SearchOutcome", "print_search", "search"]
