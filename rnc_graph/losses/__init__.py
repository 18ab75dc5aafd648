"""Contrastive losses, one file a paper: tensors in, a scalar out. Needs torch alone.

``SupConLoss``, ``RINCELoss``, ``KCLLoss``, ``TSCLoss`` and ``AttentionNCELoss`` are the papers'
losses: of class labels, similarities of labels, or masks. ``RnCLoss``, ``SupCon``, ``RINCE``,
``KCL``, ``TSC``, ``AttentionNCE``, ``LabelAttentionNCE``, ``SimCLR`` and ``RegressionLoss`` take
continuous labels (B, t), NaN where missing, and pretrain an encoder; :data:`LOSSES` names them.
These have one of two signatures::

    loss(features (B, V, d), labels (B, t)) -> ()
    loss(query (N, d), key (N, d), labels (N, t), queue (K, d), queue_labels (K, t)) -> ()

The second is that of a :class:`QueueLoss`. ``setup(labels, embedding_dim, seed)`` comes first
where the loss is a :class:`PretrainLoss`.

A loss is in the dtype of its inputs, float32 at least. :class:`~rnc_graph.errors.BadValueError` is
raised for an option out of range, wrong shapes or dtypes, and embeddings that are not finite;
:class:`~rnc_graph.errors.RunError` in a backward pass with ``create_graph=True``: but for
``RegressionLoss``, they have first derivatives only.
"""

from rnc_graph.losses.attention_nce import AttentionNCE, AttentionNCELoss, LabelAttentionNCE
from rnc_graph.losses.base import LOSSES, PretrainLoss, QueueLoss
from rnc_graph.losses.classes import ClassNumbers, QuantileBins, class_numbers
from rnc_graph.losses.hypersphere import (
    assign_targets,
    hypersphere_targets,
    ordered_prototypes,
    target_uniformity,
)
from rnc_graph.losses.kcl import KCL, KCLLoss
from rnc_graph.losses.ranks import ClassRanks, LabelRanks
from rnc_graph.losses.regression import RegressionLoss
from rnc_graph.losses.rince import RINCE, RINCELoss
from rnc_graph.losses.rnc import RnCLoss
from rnc_graph.losses.supcon import SimCLR, SupCon, SupConLoss
from rnc_graph.losses.tsc import TSC, ClassCentroids, TSCLoss

__all__ = [
    "KCL", "LOSSES", "RINCE", "TSC", "AttentionNCE", "AttentionNCELoss", "ClassCentroids",
    "ClassNumbers", "ClassRanks", "KCLLoss", "LabelAttentionNCE", "LabelRanks", "PretrainLoss",
    "QuantileBins", "QueueLoss", "RINCELoss", "RegressionLoss", "RnCLoss", "SimCLR", "SupCon",
    "SupConLoss", "TSCLoss", "assign_targets", "class_numbers", "hypersphere_targets",
    "ordered_prototypes", "target_uniformity",
]  # fmt: skip
