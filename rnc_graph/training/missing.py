"""Means over the targets that are known: NaN is missing."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from rnc_graph.errors import BadValueError


def mean_over_known(
    loss: Callable[[Tensor, Tensor], Tensor], predicted: Tensor, targets: Tensor
) -> Tensor:
    """Return the mean of a loss over the known entries of targets (N, t).

    Without any it is 0, with a gradient of zeros.

    Args:
        loss: the mean over all entries of what it is given, in any shape.
        predicted: (N, t).
        targets: (N, t), NaN where missing.
    """
    predicted = predicted.to(targets.dtype)  # A mixed-precision encoder's are in half.
    known = ~targets.isnan()
    if known.all():
        return loss(predicted, targets)
    if not known.any():
        return (0 * predicted).sum()
    return loss(predicted[known], targets[known])


class KnownMAE(Metric):
    """MAE over the known entries of all batches, each counting once."""

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("weight", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, targets: Tensor) -> None:
        """Take in a batch: (N, t) each, NaN where a target is missing."""
        # In samples, so that without missing targets a batch weighs what it holds.
        weight = (~targets.isnan()).sum() / targets.shape[1]
        self.total = self.total + mean_over_known(F.l1_loss, predicted, targets) * weight
        self.weight = self.weight + weight

    def compute(self) -> Tensor:
        """Return the MAE.

        Raises:
            RncGraphError: no entry is known.
        """
        if self.weight == 0:
            raise BadValueError(
                "the validation set has no known target to choose an epoch by; "
                "put samples that have one into it"
            )
        return self.total / self.weight
