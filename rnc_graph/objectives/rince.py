"""RINCE on a continuous target, or on classes."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.losses import RINCELoss
from rnc_graph.objectives.class_ranks import ClassRanks, hierarchy_similarity
from rnc_graph.objectives.missing import labeled, nothing, take
from rnc_graph.objectives.ranks import LabelRanks
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.training import QueueObjective

QUANTILES = (0.05, 0.1, 0.2, 0.4)


@OBJECTIVES.register("rince")
class RINCE(QueueObjective):
    """:class:`RINCELoss` whose ranks are steps of label distance, or of classes.

    What lies within the first threshold counts as the anchor's own class; each further threshold is
    a weaker rank with a higher temperature; beyond the last all are negatives. Unlike RnC, two
    samples within one step are not ranked against each other. Samples without a target in
    common are left out of each other's terms, and those without any target altogether.

    Where the target is a class number, ``hierarchy`` or ``similarity`` says how alike two classes
    are, in place of a distance.

    Args:
        variant: "in", "out" or "out-in".
        tau_min: temperature of the first rank.
        tau_max: temperature of the last rank.
        quantiles: thresholds as quantiles of the training set's label distances; 0.05, 0.1, 0.2
            and 0.4 unless anything else is given.
        thresholds: thresholds in standardized units, in place of quantiles.
        hierarchy: for class numbers: from the finest to the coarsest, the group of each class.
            Rank 1 is the same class, rank 2 the same finest group, and so on; none in common are
            negatives. An empty list leaves the classes alone.
        similarity: for class numbers: C x C, symmetric, of 1 on the diagonal, at most 1. Each
            distinct value from 0 up is a rank: round what is measured. Below 0 are negatives.
        queue_size: keys to compare with.
        momentum: of the momentum encoder.

    Raises:
        RncGraphError: more than one of quantiles, thresholds, hierarchy and similarity, or one that
            is none.
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
        hierarchy: Sequence[Sequence[int]] | None = None,
        similarity: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__(queue_size, momentum)
        self.loss = RINCELoss(variant, tau_min, tau_max)
        self.ranks = _ranks(quantiles, thresholds, hierarchy, similarity)

    def prepare(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Take the thresholds from the training set's labels, or see whether its classes fit."""
        self.ranks.prepare(labels)

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (N, d), with labels (N, t), against the queue (K, d)."""
        query, key, labels = take(labeled(labels), query, key, labels)
        if not len(labels):
            return nothing(query)
        similarity = self.ranks(labels, queue_labels)
        value: Tensor = self.loss(query, key, queue, similarity, self.ranks.levels)
        return value


def _ranks(
    quantiles: Sequence[float] | None,
    thresholds: Sequence[float] | None,
    hierarchy: Sequence[Sequence[int]] | None,
    similarity: Sequence[Sequence[float]] | None,
) -> LabelRanks | ClassRanks:
    """Return what ranks labels."""
    if hierarchy is None and similarity is None:
        if quantiles is None:
            quantiles = QUANTILES if thresholds is None else ()
        return LabelRanks(quantiles, thresholds)
    if quantiles is not None or thresholds is not None or None not in (hierarchy, similarity):
        raise BadValueError(
            "ranks take one of quantiles and thresholds, of a continuous target, and hierarchy and "
            "similarity, of classes"
        )
    if similarity is not None:
        return ClassRanks(similarity)
    assert hierarchy is not None
    return ClassRanks(hierarchy_similarity(hierarchy) if hierarchy else None)
