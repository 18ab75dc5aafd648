"""What every augmentation of images is."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Generator, Tensor

from rnc_graph.registry import Registry


class ImageView(Protocol):
    """What makes a view: a batch and a generator in, an altered batch of as many images out."""

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view (B, C, H, W); ``batch`` itself stays as it is."""
        ...


IMAGE_VIEWS: Registry[ImageView] = Registry("augmentation of images")


def to_float(batch: Tensor) -> Tensor:
    """Return uint8 images (0 to 255) as float32 (0 to 1); float images stay as they are."""
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch
