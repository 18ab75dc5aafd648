"""Figures of experiments, a file each."""

from rnc_graph.reporting.figures.along_axis import draw_along_axis, numeric_axes
from rnc_graph.reporting.figures.confusion import draw_confusion
from rnc_graph.reporting.figures.differences import draw_differences
from rnc_graph.reporting.figures.embeddings import draw_embeddings
from rnc_graph.reporting.figures.predictions import draw_predictions
from rnc_graph.reporting.figures.ranks import draw_ranks
from rnc_graph.reporting.figures.regions import draw_regions

__all__ = [
    "draw_along_axis",
    "draw_confusion",
    "draw_differences",
    "draw_embeddings",
    "draw_predictions",
    "draw_ranks",
    "draw_regions",
    "numeric_axes",
]
