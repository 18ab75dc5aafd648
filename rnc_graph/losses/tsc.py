"""Targeted supervised contrastive learning (Li et al., CVPR 2022, arXiv 2111.13998)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from rnc_graph.errors import BadValueError, UnknownNameError
from rnc_graph.losses.base import LOSSES
from rnc_graph.losses.checks import as_columns, check_positive, eager
from rnc_graph.losses.classes import Bins
from rnc_graph.losses.hypersphere import assign_targets, hypersphere_targets, ordered_prototypes
from rnc_graph.losses.kcl import ClassQueueLoss, MomentumContrastLoss, check_queued


class TSCLoss(MomentumContrastLoss):
    r"""TSC: KCL, with a fixed target on the sphere for each class.

    The candidates of anchor i are its own key, the queue and all C targets, and log p_ij the log
    softmax over them of their cosines with the query over the temperature. A_i is the own key, the
    target t of the anchor's class, and ``positives`` entries of that class drawn from the queue::

        L_class  = -mean_i 1/|A_i| sum_{a in A_i, a != t} log p_ia
        L_target = -target_weight * mean_i 1/|A_i| log p_it
        L = L_class + L_target

    Memory grows as B + K. First derivatives only. :func:`~rnc_graph.losses.hypersphere_targets`
    computes targets, :func:`~rnc_graph.losses.assign_targets` assigns them to the classes.

    Args:
        temperature: divides the cosines; positive.
        target_weight: the weight of L_target; positive or 0.
        separate_targets: whether the target is always a positive, or drawn like one more entry of
            the class in the queue.
        positives: the number of draws from the queue, at least 1; None takes all of the class.
        generator: of the draws; None is torch's default.

    >>> query, queue, targets = torch.eye(2)[:1], torch.eye(2)[1:], torch.eye(2)
    >>> labels, queue_labels, assigned = torch.tensor([0]), torch.tensor([1]), torch.tensor([0, 1])
    >>> loss = TSCLoss(temperature=1.0)
    >>> round(loss(query, query, labels, queue, queue_labels, targets, assigned).item(), 4)
    1.0064
    """

    def __init__(
        self,
        temperature: float = 0.07,
        target_weight: float = 1.0,
        separate_targets: bool = True,
        positives: int | None = 6,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(temperature, positives, generator)
        if target_weight != 0:
            check_positive("target_weight", target_weight)
        self.target_weight, self.separate_targets = target_weight, separate_targets

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        labels: Tensor,
        queue: Tensor,
        queue_labels: Tensor,
        targets: Tensor,
        class_to_target: Tensor,
    ) -> Tensor:
        """Return the loss of a batch, a scalar in the inputs' dtype, float32 at least.

        The queries (B, d), keys (B, d) of the same samples by the momentum encoder, and the queue
        (K, d) of earlier samples, K >= 0, have labels (B,) and (K,), integers in 0 .. C - 1. The
        target of a class is the row ``class_to_target`` (C,) of ``targets`` (C, d).

        Raises :class:`BadValueError` for wrong shapes or dtypes, embeddings not finite, and an
        unknown class.
        """
        queued = query, key, labels, queue, queue_labels
        loss_class, loss_target = self.parts(*queued, targets, class_to_target)
        return loss_class + loss_target

    def parts(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return (L_class, L_target), whose sum is the loss, of the arguments of ``forward``."""
        _check(*batch)
        query, key, labels, queue, queue_labels, targets, class_to_target = batch
        queued = query, key, labels, queue, queue_labels
        targets = targets[class_to_target.long()]
        loss_class, loss_target = self.contrast(*queued, targets, self.separate_targets)
        return loss_class, self.target_weight * loss_target


@eager
def _check(*batch: Tensor) -> None:
    *queued, targets, class_to_target = batch
    shapes = check_queued(*queued)
    shapes.embeddings("targets", targets, "C", "d")
    shapes.classes("class_to_target", class_to_target, "C")
    for name, values in (("labels", queued[2]), ("class_to_target", class_to_target)):
        low, high = (int(x) for x in values.aminmax())
        if low < 0 or high >= len(targets):
            raise BadValueError(
                f"{name} must be in 0 .. C - 1 = {len(targets) - 1}, got {low} .. {high}"
            )


@LOSSES.register("tsc")
class TSC(ClassQueueLoss):
    """:class:`TSCLoss` of a continuous target in quantile bins, or of class numbers.

    Each class is drawn to a point of the sphere. The points are computed once, in :meth:`setup`.
    Samples that lack a target are left out.

    Args:
        temperature: of the loss.
        target_weight: the weight of L_target.
        separate_targets: whether the target is always a positive, or one of the draws.
        positives: the number of draws from the queue; None takes all of the class.
        targets: "uniform", points as far apart as possible, matched to the classes by their
            centroids during training (as in the paper); or "ordered", points whose cosine falls
            linearly with the distance of the bins, from 1 to -1, for one target only.
        bins: quantile bins of each target, or "classes" if the target is a class number.
        queue_size: of the queue.
        momentum: of the momentum encoder.
    """

    targets: Tensor
    class_to_target: Tensor

    def __init__(
        self,
        temperature: float = 0.3,
        target_weight: float = 1.0,
        separate_targets: bool = True,
        positives: int | None = 6,
        targets: Literal["uniform", "ordered"] = "uniform",
        bins: Bins = 10,
        queue_size: int = 512,
        momentum: float = 0.99,
    ) -> None:
        super().__init__(bins, queue_size, momentum)
        if targets not in ("uniform", "ordered"):
            raise UnknownNameError("kind of targets", targets, ["ordered", "uniform"])
        self.kind = targets
        self.loss = TSCLoss(temperature, target_weight, separate_targets, positives)
        self.centroids: ClassCentroids | None = None
        self.register_buffer("targets", torch.zeros(0, 0))
        self.register_buffer("class_to_target", torch.zeros(0, dtype=torch.long))

    def setup(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Compute the bins of the training labels (M, t), and a target (d,) for each class.

        Raises :class:`BadValueError` for ordered targets with t > 1 or in too few dimensions.
        """
        labels = as_columns(labels)
        super().setup(labels, embedding_dim, seed)
        classes = self.bins.classes
        if self.kind == "ordered":
            if labels.shape[1] != 1:
                raise BadValueError(
                    f"targets: ordered needs one label column, got {labels.shape[1]}; use uniform"
                )
            made = ordered_prototypes(classes, embedding_dim, seed)
        else:
            made = hypersphere_targets(classes, embedding_dim, seed)
            self.centroids = ClassCentroids(classes, embedding_dim)
        self.targets = made.float()
        self.class_to_target = torch.arange(classes)

    def of_classes(
        self, query: Tensor, key: Tensor, classes: Tensor, queue: Tensor, queue_classes: Tensor
    ) -> Tensor:
        """Return the loss of queries (B, d) of classes (B,) against the queue (K, d)."""
        if self.centroids is not None and self.training:
            centroids = self.centroids.update(query.detach(), classes)
            self.class_to_target = assign_targets(centroids, self.targets)
        queued = query, key, classes, queue, queue_classes
        return self.loss(*queued, self.targets, self.class_to_target)


class ClassCentroids(nn.Module):
    """Running mean directions, ``centroids`` (C, d), of C classes (Li et al., section 3).

    ``momentum`` is the share of the old direction that is kept at an update.
    """

    centroids: Tensor

    def __init__(self, classes: int, embedding_dim: int, momentum: float = 0.9) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("centroids", torch.zeros(classes, embedding_dim))

    @torch.no_grad()
    def update(self, embedding: Tensor, classes: Tensor) -> Tensor:
        """Update by embeddings (B, d) of classes (B,), and return the centroids (C, d), normalized.

        A class that is not in the batch keeps its centroid; at first this is the zero vector.
        """
        units = functional.normalize(embedding.to(self.centroids.dtype), dim=1)
        sums = torch.zeros_like(self.centroids).index_add_(0, classes, units)
        means = functional.normalize(sums, dim=1)
        moved = self.momentum * self.centroids + (1 - self.momentum) * means
        seen = torch.zeros(len(sums), 1, dtype=torch.bool, device=sums.device)
        seen[classes] = True
        moved = functional.normalize(moved, dim=1)
        self.centroids.copy_(torch.where(seen, moved, self.centroids))
        return self.centroids
