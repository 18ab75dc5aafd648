"""Losses and validation metrics of the head, over the targets that are known: NaN is missing."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from rnc_graph.data.bounds import exact
from rnc_graph.errors import BadValueError
from rnc_graph.losses import class_numbers
from rnc_graph.training.config import HeadLoss


def mean_over_known(loss: Callable[..., Tensor], y_pred: Tensor, y_true: Tensor) -> Tensor:
    """Return the mean of a loss over the known targets; 0, with zero gradients, without any.

    A prediction on the right side of a bound has no loss.

    Args:
        loss: of torch's: takes its two arguments, of any shape, and ``reduction``.
        y_pred: (N, t).
        y_true: (N, t), NaN where missing; another shape would broadcast and is an error. Or
            (N, t, 3), made by :func:`rnc_graph.data.bounds.weighted_bounds`.
    """
    weights = None
    if y_true.dim() == 3:
        y_true, censored, weights = y_true.unbind(2)
        beyond = censored * (y_pred.to(y_true.dtype) - y_true) > 0
        y_pred = torch.where(beyond, y_true.to(y_pred.dtype), y_pred)
    if y_pred.shape != y_true.shape:
        raise BadValueError(
            f"targets: expected the shape of the predictions {tuple(y_pred.shape)}, got "
            f"{tuple(y_true.shape)}"
        )
    y_pred = y_pred.to(y_true.dtype)  # That of a mixed-precision encoder is in half.
    known = ~y_true.isnan()
    if not known.any():
        return (0 * y_pred).sum()
    if weights is not None:
        each = loss(y_pred[known], y_true[known], reduction="none")
        return (weights[known] * each).mean()
    if known.all():
        return loss(y_pred, y_true)
    return loss(y_pred[known], y_true[known])


def cross_entropy(logits: Tensor, y_true: Tensor) -> Tensor:
    """Return the mean over the samples with a known class; 0, with zero gradients, without any.

    Takes logits (N, C) and class numbers (N, 1), NaN where missing.
    """
    logits = logits.to(y_true.dtype)
    classes = class_numbers(y_true, logits.shape[1])
    if not (classes >= 0).any():
        return (0 * logits).sum()
    return F.cross_entropy(logits, classes, ignore_index=-1)


HEAD_LOSSES: dict[HeadLoss, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": partial(mean_over_known, F.l1_loss),
    "l2": partial(mean_over_known, F.mse_loss),
    "huber": partial(mean_over_known, F.huber_loss),
    "cross-entropy": cross_entropy,
}


class _KnownMean(Metric):
    """A mean over the known targets of all batches; summed over all processes."""

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("weight", torch.tensor(0.0), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """Return the mean; raise :class:`BadValueError` if no target is known."""
        if self.weight == 0:
            raise BadValueError(
                "the validation set has no known target to select an epoch by; add samples that "
                "have one, or train without a validation set"
            )
        return self.total / self.weight


class KnownMAE(_KnownMean):
    """Mean absolute error over the known targets."""

    logged_as = "validation_mae"

    def update(self, y_pred: Tensor, y_true: Tensor) -> None:
        """Add a batch: (N, t) each, NaN where a target is missing; bounds do not count."""
        y_true = exact(y_true)
        # In samples, so that without missing targets a batch of N weighs N.
        weight = (~y_true.isnan()).sum() / y_true.shape[1]
        self.total = self.total + mean_over_known(F.l1_loss, y_pred, y_true) * weight
        self.weight = self.weight + weight


class KnownError(_KnownMean):
    """Share of wrong classes among the known ones: 1 - accuracy."""

    logged_as = "validation_error"

    def update(self, logits: Tensor, y_true: Tensor) -> None:
        """Add a batch: logits (N, C) and class numbers (N, 1), NaN where missing."""
        classes = class_numbers(y_true, logits.shape[1], "targets of the validation set")
        wrong = (logits.argmax(1) != classes).float()
        # argmax of NaN is a class, but a stage that diverged must not be selected.
        wrong = wrong.masked_fill(logits.isnan().any(1), torch.nan)
        self.total = self.total + wrong[classes >= 0].sum()
        self.weight = self.weight + (classes >= 0).sum()
