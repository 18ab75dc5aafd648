"""Metrics and statistics: what predictions are worth, and whether a difference is real."""

from rnc_graph.evaluation.metrics import METRICS, regression_metrics
from rnc_graph.evaluation.statistics import PairedDifference, Summary, compare, summarise

__all__ = [
    "METRICS",
    "PairedDifference",
    "Summary",
    "compare",
    "regression_metrics",
    "summarise",
]
