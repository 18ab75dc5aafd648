"""How each measure of a run is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from rnc_graph.metrics.representation import RETRIEVED


@dataclass(frozen=True)
class Measure:
    """How a measure is shown.

    Attributes:
        title: a short one, for a table's column.
        higher_is_better: None where neither direction is better of itself.
    """

    title: str
    higher_is_better: bool | None


# Those of evaluate_representation, those of long_tail_metrics, errors where labels are unseen;
# then, of classes, those of classification_metrics and those of evaluate_classes that are new.
MEASURES: Mapping[str, Measure] = {
    "probe_mae": Measure("probe MAE", False),
    "probe_rmse": Measure("probe RMSE", False),
    "knn_mae": Measure("kNN MAE", False),
    "knn_rmse": Measure("kNN RMSE", False),
    "order": Measure("order (Spearman)", True),
    "triplets": Measure("triplets", True),
    **{f"precision_{k}": Measure(f"precision@{k}", True) for k in RETRIEVED},
    **{f"label_error_{k}": Measure(f"label error@{k}", False) for k in RETRIEVED},
    "uniformity": Measure("uniformity", None),
    "alignment": Measure("alignment", None),
    "ood_knn_auroc": Measure("OOD AUROC (kNN)", True),
    "ood_knn_fpr95": Measure("OOD FPR95 (kNN)", False),
    "ood_mahalanobis_auroc": Measure("OOD AUROC (Mahalanobis)", True),
    "ood_mahalanobis_fpr95": Measure("OOD FPR95 (Mahalanobis)", False),
    "mae_many": Measure("MAE, many-shot", False),
    "mae_medium": Measure("MAE, medium-shot", False),
    "mae_few": Measure("MAE, few-shot", False),
    "balanced_mae": Measure("balanced MAE", False),
    "gmean": Measure("GM of errors", False),
    "mae_unseen": Measure("MAE, unseen labels", False),
    "mae_seen": Measure("MAE, seen labels", False),
    "rmse_unseen": Measure("RMSE, unseen labels", False),
    "rmse_seen": Measure("RMSE, seen labels", False),
    "accuracy": Measure("accuracy", True),
    "error": Measure("error", False),
    "balanced_accuracy": Measure("balanced accuracy", True),
    "cross_entropy": Measure("cross-entropy", False),
    "accuracy_many": Measure("accuracy, many-shot", True),
    "accuracy_medium": Measure("accuracy, medium-shot", True),
    "accuracy_few": Measure("accuracy, few-shot", True),
    "probe_accuracy": Measure("probe accuracy", True),
    "probe_balanced_accuracy": Measure("probe balanced accuracy", True),
    "knn_accuracy": Measure("kNN accuracy", True),
    "recall_1": Measure("R@1", True),
    "map": Measure("mAP", True),
    "recall_1_coarse": Measure("R@1, coarse", True),
    "map_coarse": Measure("mAP, coarse", True),
}
