"""Ranks from the distance of continuous labels."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.losses.pairwise import l1_distance
from rnc_graph.objectives.missing import labeled

# Samples whose pairs are enough to estimate the distances' quantiles.
_SAMPLE = 2_000


class LabelRanks(nn.Module):
    """Similarity of labels in R steps: the nearest are as good as the same class, the far unranked.

    A label no farther than the r-th threshold d_r has rank r, and similarity 1 - (r - 1) / (R - 1):
    from 1 at the first rank to 0 at the last. Beyond the last threshold it is -1, unranked. Of
    labels (NaN where missing) without a target in common it is NaN.

    Args:
        quantiles: the thresholds as quantiles of the training set's label distances, rising,
            in (0, 1).
        thresholds: the thresholds themselves, rising, positive, in standardized units (L1 over the
            targets), in place of quantiles.

    Raises:
        RncGraphError: none, both, not rising, or out of range.

    >>> ranks = LabelRanks(thresholds=[0.1, 0.5, 1.0])
    >>> ranks(torch.zeros(1, 1), torch.tensor([[0.0], [0.3], [0.9], [2.0]])).tolist()
    [[1.0, 0.5, 0.0, -1.0]]
    """

    thresholds: Tensor

    def __init__(
        self, quantiles: Sequence[float] = (), thresholds: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        if thresholds is not None and len(quantiles):
            raise BadValueError("ranks take quantiles or thresholds, not both")
        if thresholds is not None:
            _check_rising("thresholds", thresholds, float("inf"))
        else:
            _check_rising("quantiles", quantiles, 1.0)
        self.quantiles = list(quantiles) if thresholds is None else None
        self.register_buffer("thresholds", torch.tensor(thresholds or [], dtype=torch.float64))

    def prepare(self, labels: Tensor) -> None:
        """Take the thresholds from labels (M, t), where they are quantiles.

        Raises:
            RncGraphError: no two samples have a target in common.
        """
        if self.quantiles is None:
            return
        labels = labels[labeled(labels)]
        step = max(1, -(-len(labels) // _SAMPLE))
        distances = _distances(labels[::step].double())
        if not len(distances):
            raise BadValueError(
                f"ranks need samples with a target in common, found no pair of them among "
                f"{len(labels)} samples with a target"
            )
        levels = torch.tensor(self.quantiles, dtype=torch.float64, device=labels.device)
        self.thresholds = torch.unique(distances.quantile(levels))

    def forward(self, labels: Tensor, others: Tensor) -> Tensor:
        """Return the similarity (B, K) of labels (B, t) with others (K, t).

        Raises:
            RncGraphError: the ranks are not prepared.
        """
        if not len(self.thresholds):
            raise BadValueError("ranks need prepare(labels) with the training set's labels first")
        # In float64 as the thresholds, or a pair that lies on one may fall to either side.
        distance = l1_distance(labels.double(), others.double())
        steps = torch.tensor([*self.levels, -1.0], device=labels.device)
        similarity = steps[torch.bucketize(distance, self.thresholds)]
        return similarity.masked_fill(distance.isnan(), torch.nan)

    @property
    def levels(self) -> list[float]:
        """The R similarities, from 1 to 0."""
        count = len(self.thresholds)
        return (1 - torch.arange(count) / max(1, count - 1)).tolist()


def _distances(labels: Tensor) -> Tensor:
    """Return the distances of all comparable pairs of labels (M, t)."""
    if not labels.isnan().any():
        return torch.pdist(labels, p=1)
    rows = [l1_distance(labels[i : i + 1], labels[i + 1 :])[0] for i in range(len(labels))]
    distances = torch.cat(rows)
    return distances[~distances.isnan()]


def _check_rising(name: str, values: Sequence[float], limit: float) -> None:
    rising = all(low < high for low, high in pairwise(values))
    if not values or not rising or not (values[0] > 0 and values[-1] < limit):
        raise BadValueError(
            f"{name} must be a rising list of numbers between 0 and {limit:g}, found {list(values)}"
        )
