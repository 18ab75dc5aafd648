"""Contrastive losses, one file a paper: tensors in, a scalar out. Needs torch alone."""

from rnc_graph.losses.attention_nce import AttentionNCELoss
from rnc_graph.losses.hypersphere import (
    assign_targets,
    hypersphere_targets,
    ordered_targets,
    target_uniformity,
)
from rnc_graph.losses.kcl import KCLLoss
from rnc_graph.losses.rince import RINCELoss
from rnc_graph.losses.rnc import RnCLoss
from rnc_graph.losses.supcon import SupConLoss
from rnc_graph.losses.tsc import TSCLoss

__all__ = [
    "AttentionNCELoss",
    "KCLLoss",
    "RINCELoss",
    "RnCLoss",
    "SupConLoss",
    "TSCLoss",
    "assign_targets",
    "hypersphere_targets",
    "ordered_targets",
    "target_uniformity",
]
