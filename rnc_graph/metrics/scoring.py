"""The metrics that runs are compared by, and how each metric is displayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnc_graph.metrics.regression import REGIONS
from rnc_graph.metrics.retrieval import RETRIEVED


@dataclass(frozen=True)
class Scoring:
    """The metrics that predictions are compared by; smaller is better for all.

    Runs are compared in the first of the ``scales``, the units of the metrics, whose titles are in
    ``metrics``. Methods are ranked by one, and shown with a secondary one; ``selected_by`` says in
    words which metric selects the epoch.
    """

    scales: tuple[str, ...]
    metrics: dict[str, str]
    ranked_by: str
    secondary: str
    selected_by: str

    @property
    def scale(self) -> str:
        """The scale that runs are compared in."""
        return self.scales[0]

    @property
    def title(self) -> str:
        """The title of the metric that methods are ranked by."""
        return self.metrics[self.ranked_by]


REGRESSION = Scoring(
    scales=("standardized", "unit"),
    metrics={"mae": "MAE", "rmse": "RMSE", "mse": "MSE"},
    ranked_by="rmse",
    secondary="mae",
    selected_by="validation MAE",
)
"""Continuous targets, standardized by the training set and in their unit."""

CLASSIFICATION = Scoring(
    scales=("share",),
    metrics={"error": "error", "cross_entropy": "cross-entropy"},
    ranked_by="error",
    secondary="cross_entropy",
    selected_by="validation error",
)
"""Class numbers: the share of wrong classes, and the cross-entropy in nats."""


@dataclass(frozen=True)
class Display:
    """A metric's title in a table's column, and whether higher is better; None for neither."""

    title: str
    higher_is_better: bool | None


DISPLAY: Mapping[str, Display] = {
    "probe_mae": Display("probe MAE", False),
    "probe_rmse": Display("probe RMSE", False),
    "knn_mae": Display("kNN MAE", False),
    "knn_rmse": Display("kNN RMSE", False),
    "order": Display("order (Spearman)", True),
    "triplets": Display("triplets", True),
    **{f"precision_{k}": Display(f"precision@{k}", True) for k in RETRIEVED},
    **{f"label_error_{k}": Display(f"label error@{k}", False) for k in RETRIEVED},
    "uniformity": Display("uniformity", None),
    "alignment": Display("alignment", None),
    "ood_knn_auroc": Display("OOD AUROC (kNN)", True),
    "ood_knn_fpr95": Display("OOD FPR95 (kNN)", False),
    "ood_mahalanobis_auroc": Display("OOD AUROC (Mahalanobis)", True),
    "ood_mahalanobis_fpr95": Display("OOD FPR95 (Mahalanobis)", False),
    **{f"mae_{region}": Display(f"MAE, {region}-shot", False) for region in REGIONS},
    "balanced_mae": Display("balanced MAE", False),
    "gmean": Display("GM of errors", False),
    "mae_unseen": Display("MAE, unseen labels", False),
    "mae_seen": Display("MAE, seen labels", False),
    "rmse_unseen": Display("RMSE, unseen labels", False),
    "rmse_seen": Display("RMSE, seen labels", False),
    "accuracy": Display("accuracy", True),
    "error": Display("error", False),
    "balanced_accuracy": Display("balanced accuracy", True),
    "cross_entropy": Display("cross-entropy", False),
    **{f"accuracy_{region}": Display(f"accuracy, {region}-shot", True) for region in REGIONS},
    "probe_accuracy": Display("probe accuracy", True),
    "probe_balanced_accuracy": Display("probe balanced accuracy", True),
    "knn_accuracy": Display("kNN accuracy", True),
    "recall_1": Display("R@1", True),
    "map": Display("mAP", True),
    "recall_1_coarse": Display("R@1, coarse", True),
    "map_coarse": Display("mAP, coarse", True),
}
"""How each further metric is shown: those of ``evaluate_representation``, ``long_tail_metrics`` and
unseen labels, then those of ``classification_metrics`` and ``evaluate_classes``."""
