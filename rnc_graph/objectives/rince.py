"""RINCE on a continuous target."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from rnc_graph.losses import RINCELoss
from rnc_graph.objectives.missing import labelled, nothing, take
from rnc_graph.objectives.ranks import LabelRanks
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training import QueueObjective

QUANTILES = (0.05, 0.1, 0.2, 0.4)


@OBJECTIVES.register("rince")
class RINCE(QueueObjective):
    """:class:`RINCELoss` whose ranks are steps of label distance.

    What lies within the first threshold counts as the anchor's own class; each further threshold is
    a weaker rank with a higher temperature; beyond the last all are negatives. Unlike RnC, two
    molecules within one step are not ranked against each other. Molecules without a target in
    common are left out of each other's terms, and those without any target altogether.

    Args:
        variant: "in", "out" or "out-in".
        tau_min: temperature of the first rank.
        tau_max: temperature of the last rank.
        quantiles: thresholds as quantiles of the training part's label distances; 0.05, 0.1, 0.2
            and 0.4 unless anything else is given.
        thresholds: thresholds in standardised units, in place of quantiles.
        queue_size: keys to compare with.
        momentum: of the momentum encoder.
    """

    def __init__(
        self,
        variant: Literal["in", "out", "out-in"] = "out-in",
        tau_min: float = 0.1,
        tau_max: float = 0.2,
        quantiles: Sequence[float] | None = None,
        thresholds: Sequence[float] | None = None,
        queue_size: int = 512,
        momentum: float = 0.99,
    ) -> None:
        super().__init__(queue_size, momentum)
        self.loss = RINCELoss(variant, tau_min, tau_max)
        if quantiles is None:
            quantiles = QUANTILES if thresholds is None else ()
        self.ranks = LabelRanks(quantiles, thresholds)

    def prepare(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Take the thresholds from the training part's labels."""
        self.ranks.prepare(labels)

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (N, d), with labels (N, t), against the queue (K, d)."""
        query, key, labels = take(labelled(labels), query, key, labels)
        if not len(labels):
            return nothing(query)
        similarity = self.ranks(labels, queue_labels)
        value: Tensor = self.loss(query, key, queue, similarity, self.ranks.levels)
        return value
