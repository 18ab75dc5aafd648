"""What is drawn for each image of a batch, and the options that say from where."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from rnc_graph.errors import BadValueError


def uniform(
    shape: int | tuple[int, ...], ends: tuple[float, float], generator: Generator
) -> Tensor:
    """Draw float64 numbers evenly from one end to the other."""
    low, high = ends
    drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
    return low + (high - low) * drawn


def chosen_rows(batch: Tensor, probability: float, generator: Generator) -> Tensor:
    """Say which images (B,) an augmentation is for."""
    return torch.rand(len(batch), generator=generator) < probability


def each(values: Tensor) -> Tensor:
    """Return one value an image, (B,), so that it meets (B, C, H, W)."""
    return values[:, None, None, None]


def checked_probability(value: float, name: str) -> float:
    """Return an augmentation's probability; raises :class:`RncGraphError` if it is none."""
    if not 0 <= value <= 1:
        raise BadValueError(f"probability of {name}: found {value}, right is 0 to 1")
    return value


def ends_of(ends: Sequence[float], name: str, most: float = math.inf) -> tuple[float, float]:
    """Return the smallest and the largest value; raises :class:`RncGraphError` if it is no range.

    Args:
        ends: both of them.
        name: what they are of.
        most: what the larger one may be.
    """
    if len(ends) != 2 or not 0 < ends[0] <= ends[1] <= most or ends[1] == math.inf:
        limit = f" and at most {most:g}" if most < math.inf else ""
        raise BadValueError(
            f"{name}: found {list(ends)}, right is its smallest and largest value, above 0{limit}"
        )
    return float(ends[0]), float(ends[1])
