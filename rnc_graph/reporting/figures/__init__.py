"""Figures of a table, a file each: :class:`TableRuns` in, a figure out."""

from rnc_graph.reporting.figures.base import TableRuns, save
from rnc_graph.reporting.figures.confusion import confusion
from rnc_graph.reporting.figures.differences import differences
from rnc_graph.reporting.figures.embeddings import embeddings
from rnc_graph.reporting.figures.predicted_against_measured import predicted_against_measured
from rnc_graph.reporting.figures.regions import regions

__all__ = [
    "TableRuns",
    "confusion",
    "differences",
    "embeddings",
    "predicted_against_measured",
    "regions",
    "save",
]
