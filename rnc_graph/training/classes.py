"""Targets that are class numbers: what they must be, the loss on them, and the error."""

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from rnc_graph.errors import BadValueError
from rnc_graph.losses import class_numbers

# What a stage with classes is selected on: 1 - accuracy, of the head or of the online probe.
SELECTED_BY_ERROR = "validation_error"


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy over the samples whose class is known.

    Without any it is 0, with a gradient of zeros.

    Args:
        logits: (N, C).
        targets: (N, 1) class numbers, NaN where missing.

    Raises:
        RncGraphError: as :func:`class_numbers`.
    """
    logits = logits.to(targets.dtype)  # A mixed-precision encoder's are in half.
    classes = class_numbers(targets, logits.shape[1])
    if not (classes >= 0).any():
        return (0 * logits).sum()
    return F.cross_entropy(logits, classes, ignore_index=-1)


class KnownError(Metric):
    """Share of wrong classes among the known ones of all batches, 1 - accuracy."""

    full_state_update = False
    wrong: Tensor
    known: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("wrong", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("known", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Take in a batch: logits (N, C) and class numbers (N, 1), NaN where missing."""
        classes = class_numbers(targets, logits.shape[1], "targets of the validation set")
        wrong = (logits.argmax(1) != classes).float()
        # The largest of no numbers is no class: a stage that diverged must not be chosen.
        wrong = wrong.masked_fill(logits.isnan().any(1), torch.nan)
        self.wrong = self.wrong + wrong[classes >= 0].sum()
        self.known = self.known + (classes >= 0).sum()

    def compute(self) -> Tensor:
        """Return the error.

        Raises:
            RncGraphError: no class is known.
        """
        if self.known == 0:
            raise BadValueError(
                "the validation set has no known class to choose an epoch by; "
                "put samples that have one into it"
            )
        return self.wrong / self.known
