"""Targets in one tensor with what else is known of them: which are bounds, and what rows weigh."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def weighted_bounds(y_true: Tensor, censored: Tensor, weights: Tensor) -> Tensor:
    """Return targets (N, t, 3) that are weighted, and of which some are bounds.

    Args:
        y_true: (N, t) values and bounds, NaN where missing.
        censored: (N, t) 0 for a value, 1 where the value is above its number, -1 where it is below.
        weights: (N,) with a mean of 1.
    """
    return torch.stack([y_true, censored, weights[:, None].expand_as(y_true)], dim=2)


def with_bounds_and_weights(
    y_true: Tensor, censored: NDArray[np.int8] | None, weights: NDArray[np.float64] | None
) -> Tensor:
    """Return targets (N, t) as they are, or as :func:`weighted_bounds` makes them.

    ``censored`` is None if all are values, ``weights`` if all samples count alike.
    """
    if censored is None and weights is None:
        return y_true
    sides = np.zeros(y_true.shape) if censored is None else censored
    counted = np.ones(len(y_true)) if weights is None else weights
    return weighted_bounds(
        y_true, torch.from_numpy(sides).float(), torch.from_numpy(counted).float()
    )


def exact(y_true: Tensor) -> Tensor:
    """Return the (N, t) values of targets, NaN where they are missing or only a bound is known.

    ``y_true`` are (N, t), which are returned as they are, or made by :func:`weighted_bounds`.
    """
    if y_true.dim() == 2:
        return y_true
    return y_true[..., 0].masked_fill(y_true[..., 1] != 0, torch.nan)
