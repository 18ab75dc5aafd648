"""TSC on a continuous target, or on classes."""

from typing import Literal

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError, UnknownNameError
from rnc_graph.losses import TSCLoss, assign_targets, hypersphere_targets, ordered_targets
from rnc_graph.objectives.bins import Bins, make_bins
from rnc_graph.objectives.missing import nothing, take
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training import ClassCentroids, QueueObjective


@OBJECTIVES.register("tsc")
class TSC(QueueObjective):
    """:class:`TSCLoss` whose classes are quantile bins of the label, or its own.

    Each class is drawn to a point of the sphere that was set beforehand. The points are made once,
    when the objective is prepared, and kept with the run. Samples that lack a label are left
    out.

    Args:
        temperature: of the loss.
        target_weight: of the pull to the target.
        separate_targets: the target is always a positive, beside the draws; else it takes part
            in them.
        positives: draws from the queue for each anchor; None takes all of its class.
        targets: "uniform", points as far apart as can be, matched to the classes by their
            centroids as training goes on (the paper's way); or "ordered", points whose cosine falls
            evenly with the distance of the bins, from 1 to -1, for one target only.
        bins: classes for each target; "classes" where the target is a class number itself.
        queue_size: keys to compare with.
        momentum: of the momentum encoder.

    Raises:
        UnknownNameError: another kind of targets.
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
        super().__init__(queue_size, momentum)
        if targets not in ("uniform", "ordered"):
            raise UnknownNameError("kind of targets", targets, ["ordered", "uniform"])
        self.kind = targets
        self.loss = TSCLoss(temperature, target_weight, separate_targets, positives)
        self.bins = make_bins(bins)
        self.centroids: ClassCentroids | None = None
        self.register_buffer("targets", torch.zeros(0, 0))
        self.register_buffer("class_to_target", torch.zeros(0, dtype=torch.long))

    def prepare(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Take the bins from the training set's labels, and make the targets.

        Raises:
            RncGraphError: ordered targets for several label columns or in too few dimensions.
        """
        self.bins.prepare(labels)
        classes = self.bins.classes
        if self.kind == "ordered":
            if labels.shape[1] != 1:
                raise BadValueError(
                    f"ordered targets need one label column, found {labels.shape[1]}; "
                    "targets: uniform takes any number"
                )
            made = ordered_targets(classes, embedding_dim, seed)
        else:
            made = hypersphere_targets(classes, embedding_dim, seed)
            self.centroids = ClassCentroids(classes, embedding_dim)
        self.targets = made.float()
        self.class_to_target = torch.arange(classes)

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (N, d), with labels (N, t), against the queue (K, d)."""
        classes, queue_classes = self.bins(labels), self.bins(queue_labels)
        query, key, classes = take(classes >= 0, query, key, classes)
        queue, queue_classes = take(queue_classes >= 0, queue, queue_classes)
        if not len(classes):
            return nothing(query)
        if self.centroids is not None:
            centroids = self.centroids.update(query.detach(), classes)
            self.class_to_target = assign_targets(centroids, self.targets)
        value: Tensor = self.loss(
            query,
            key,
            classes,
            queue,
            queue_classes,
            self.targets,
            self.class_to_target,
        )
        return value
