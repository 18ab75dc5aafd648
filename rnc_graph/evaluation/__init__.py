"""Metrics, statistics, and judges of an embedding: what it is worth, and whether that is real."""

from rnc_graph.evaluation.class_probes import linear_class_probe, nearest_classes
from rnc_graph.evaluation.class_representation import evaluate_classes
from rnc_graph.evaluation.class_retrieval import ClassRetrieval, class_retrieval
from rnc_graph.evaluation.classification import classification_metrics
from rnc_graph.evaluation.geometry import (
    alignment,
    order_correlation,
    ordered_triplets,
    uniformity,
)
from rnc_graph.evaluation.intervals import ConformalIntervals, coverage
from rnc_graph.evaluation.long_tail import (
    REGIONS,
    label_bins,
    long_tail_metrics,
    shot_regions,
)
from rnc_graph.evaluation.measures import MEASURES, Measure
from rnc_graph.evaluation.metrics import METRICS, metrics_by_target, regression_metrics
from rnc_graph.evaluation.out_of_distribution import (
    Detection,
    detection,
    mahalanobis_scores,
    nearest_neighbour_scores,
)
from rnc_graph.evaluation.probes import linear_probe, nearest_neighbours
from rnc_graph.evaluation.ranking import Ranking, rank_methods
from rnc_graph.evaluation.representation import evaluate_representation
from rnc_graph.evaluation.retrieval import Retrieval, retrieval
from rnc_graph.evaluation.scoring import CLASSES, MEASURED, Scoring
from rnc_graph.evaluation.statistics import (
    PairedDifference,
    Summary,
    compare,
    summarise,
    summarise_all,
    tied_with_best,
)
from rnc_graph.evaluation.subsets import subset_metrics

__all__ = [
    "CLASSES",
    "MEASURED",
    "MEASURES",
    "METRICS",
    "REGIONS",
    "ClassRetrieval",
    "ConformalIntervals",
    "Detection",
    "Measure",
    "PairedDifference",
    "Ranking",
    "Retrieval",
    "Scoring",
    "Summary",
    "alignment",
    "class_retrieval",
    "classification_metrics",
    "compare",
    "coverage",
    "detection",
    "evaluate_classes",
    "evaluate_representation",
    "label_bins",
    "linear_class_probe",
    "linear_probe",
    "long_tail_metrics",
    "mahalanobis_scores",
    "metrics_by_target",
    "nearest_classes",
    "nearest_neighbour_scores",
    "nearest_neighbours",
    "order_correlation",
    "ordered_triplets",
    "rank_methods",
    "regression_metrics",
    "retrieval",
    "shot_regions",
    "subset_metrics",
    "summarise",
    "summarise_all",
    "tied_with_best",
    "uniformity",
]
