"""SupCon on a continuous target, or on classes."""

from torch import Tensor

from rnc_graph.losses import SupConLoss
from rnc_graph.objectives.bins import Bins, make_bins
from rnc_graph.objectives.missing import nothing, take
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training import Objective


@OBJECTIVES.register("supcon")
class SupCon(Objective):
    """:class:`SupConLoss` whose classes are quantile bins of the label, or its own.

    Samples of one bin attract each other, all others repel, however near their labels: an order
    among the bins is not asked for. Samples that lack a target are left out.

    Args:
        temperature: of the loss.
        bins: classes for each target; "classes" where the target is a class number itself.
    """

    def __init__(self, temperature: float = 0.05, bins: Bins = 10) -> None:
        super().__init__()
        self.loss = SupConLoss(temperature)
        self.bins = make_bins(bins)

    def prepare(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Take the bins from the training set's labels."""
        self.bins.prepare(labels)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of features (B, V, d) with labels (B, t)."""
        classes = self.bins(labels)
        features, classes = take(classes >= 0, features, classes)
        if not len(classes):
            return nothing(features)
        value: Tensor = self.loss(features, classes)
        return value
