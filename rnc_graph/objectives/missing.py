"""What objectives do with samples that lack targets."""

from torch import Tensor


def labeled(labels: Tensor) -> Tensor:
    """Return which of the labels (B, t) have a target at all, (B,) booleans."""
    return ~labels.isnan().all(1)


def take(kept: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Return of each tensor (B, ...) the rows that are kept, (B,) booleans."""
    return tensors if kept.all() else tuple(tensor[kept] for tensor in tensors)


def nothing(embedding: Tensor) -> Tensor:
    """Return the value of an objective that has nothing to compare: 0, and so is its gradient."""
    return (0 * embedding).sum()
