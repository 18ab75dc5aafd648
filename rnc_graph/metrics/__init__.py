"""Metrics of predictions and of embeddings, and the statistics of comparing methods.

Functions of arrays raise :class:`~rnc_graph.errors.BadValueError` for shapes that do not fit, too
few rows (two, unless said otherwise), values that are not finite, and labels that are no class
numbers 0, 1, 2, ... where these are expected. Embeddings are (M, d) of a training set, by which
predictions are made, and (N, d) of the set that is evaluated.
"""

from rnc_graph.metrics.classification import classification_metrics
from rnc_graph.metrics.geometry import alignment, order_correlation, ordered_triplets, uniformity
from rnc_graph.metrics.intervals import ConformalIntervals, coverage
from rnc_graph.metrics.out_of_distribution import (
    Detection,
    detection,
    mahalanobis_scores,
    nearest_neighbor_scores,
)
from rnc_graph.metrics.probes import (
    linear_class_probe,
    linear_probe,
    nearest_classes,
    nearest_neighbors,
)
from rnc_graph.metrics.regression import (
    METRICS,
    REGIONS,
    label_bins,
    long_tail_metrics,
    metrics_by_target,
    regression_metrics,
    shot_regions,
    subset_metrics,
)
from rnc_graph.metrics.representation import evaluate_classes, evaluate_representation
from rnc_graph.metrics.retrieval import (
    RETRIEVED,
    ClassRetrieval,
    Retrieval,
    class_retrieval,
    retrieval,
)
from rnc_graph.metrics.scoring import CLASSIFICATION, DISPLAY, REGRESSION, Display, Scoring
from rnc_graph.metrics.statistics import (
    PairedDifference,
    Ranking,
    Summary,
    compare,
    rank_methods,
    summarize,
    summarize_all,
    tied_with_best,
)

__all__ = [
    "CLASSIFICATION", "DISPLAY", "METRICS", "REGIONS", "REGRESSION", "RETRIEVED", "ClassRetrieval",
    "ConformalIntervals", "Detection", "Display", "PairedDifference", "Ranking", "Retrieval",
    "Scoring", "Summary", "alignment", "class_retrieval", "classification_metrics", "compare",
    "coverage", "detection", "evaluate_classes", "evaluate_representation", "label_bins",
    "linear_class_probe", "linear_probe", "long_tail_metrics", "mahalanobis_scores",
    "metrics_by_target", "nearest_classes", "nearest_neighbor_scores", "nearest_neighbors",
    "order_correlation", "ordered_triplets", "rank_methods", "regression_metrics", "retrieval",
    "shot_regions", "subset_metrics", "summarize", "summarize_all", "tied_with_best", "uniformity",
]  # fmt: skip
