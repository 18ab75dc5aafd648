"""KCL on a continuous target, or on classes."""

from torch import Tensor

from rnc_graph.losses import KCLLoss
from rnc_graph.objectives.bins import Bins, make_bins
from rnc_graph.objectives.missing import nothing, take
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training import QueueObjective


@OBJECTIVES.register("kcl")
class KCL(QueueObjective):
    """:class:`KCLLoss` whose classes are quantile bins of the label, or its own.

    Equal numbers of positives for each anchor keep crowded classes from ruling the embedding; with
    quantile bins of an even training set the classes are even anyway. Samples that lack a target
    are left out.

    Args:
        temperature: of the loss.
        positives: draws from the queue for each anchor; None takes all of its class.
        bins: classes for each target; "classes" where the target is a class number itself.
        queue_size: keys to compare with.
        momentum: of the momentum encoder.
    """

    def __init__(
        self,
        temperature: float = 0.3,
        positives: int | None = 6,
        bins: Bins = 10,
        queue_size: int = 512,
        momentum: float = 0.99,
    ) -> None:
        super().__init__(queue_size, momentum)
        self.loss = KCLLoss(temperature, positives)
        self.bins = make_bins(bins)

    def prepare(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Take the bins from the training set's labels."""
        self.bins.prepare(labels)

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (N, d), with labels (N, t), against the queue (K, d)."""
        classes, queue_classes = self.bins(labels), self.bins(queue_labels)
        query, key, classes = take(classes >= 0, query, key, classes)
        queue, queue_classes = take(queue_classes >= 0, queue, queue_classes)
        if not len(classes):
            return nothing(query)
        value: Tensor = self.loss(query, key, classes, queue, queue_classes)
        return value
