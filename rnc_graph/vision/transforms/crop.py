"""A rectangle of each image, resized."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from rnc_graph.vision.transforms.base import IMAGE_VIEWS, to_float
from rnc_graph.vision.transforms.draws import ends_of, uniform


@IMAGE_VIEWS.register("random_resized_crop")
class RandomResizedCrop:
    """Cut a rectangle out and resize it to the size of the batch (bilinear).

    The rectangle is drawn as torchvision's: ten tries of an area and a proportion, the first that
    fits, else the middle of the image. As a cut-out is never reduced, antialiasing has no part.

    Args:
        scale: smallest and largest area, as shares of the image's.
        ratio: smallest and largest proportion of width to height, drawn evenly in its logarithm.
    """

    _TRIES = 10

    def __init__(
        self, scale: Sequence[float] = (0.2, 1.0), ratio: Sequence[float] = (3 / 4, 4 / 3)
    ) -> None:
        self.scale = ends_of(scale, "scale of random_resized_crop", most=1.0)
        self.ratio = ends_of(ratio, "ratio of random_resized_crop")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        images, _, height, width = batch.shape
        return resized_crop(to_float(batch), self.boxes(images, width, height, generator))

    def boxes(self, images: int, width: int, height: int, generator: Generator) -> Tensor:
        """Draw (B, 4) rectangles: top, left, height, width, in whole pixels."""
        tries = (images, self._TRIES)
        area = uniform(tries, self.scale, generator) * (height * width)
        logs = (math.log(self.ratio[0]), math.log(self.ratio[1]))
        ratio = uniform(tries, logs, generator).exp()
        widths, heights = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
        # The first that fits; the last column is the middle of the image, which always does.
        middle_width, middle_height = self._middle(width, height)
        first = torch.cat([fits, fits.new_ones(images, 1)], 1).int().argmax(1, keepdim=True)
        w, h = (
            torch.cat([drawn, drawn.new_full((images, 1), middle)], 1).gather(1, first)[:, 0]
            for drawn, middle in ((widths, middle_width), (heights, middle_height))
        )
        place = torch.rand(2, images, generator=generator, dtype=torch.float64)
        free = torch.stack([height - h, width - w])
        corner = (place * (free + 1)).floor().minimum(free)
        central = (free / 2).round()
        top, left = torch.where(first[:, 0] < self._TRIES, corner, central)
        return torch.stack([top, left, h, w], 1).long()

    def _middle(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the largest rectangle of an allowed proportion."""
        if width / height < self.ratio[0]:
            return width, max(1, round(width / self.ratio[0]))
        if width / height > self.ratio[1]:
            return max(1, round(height * self.ratio[1])), height
        return width, height


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """Cut a rectangle out of each image and resize it to the image's size, bilinear.

    Args:
        images: (B, C, H, W) float.
        boxes: (B, 4) top, left, height and width, in pixels.
    """
    height, width = images.shape[2:]
    top, left, h, w = boxes.to(images.dtype)[:, :, None].unbind(1)
    grid = images.new_empty(len(images), height, width, 2)
    grid[..., 0] = _places(left, w, width)[:, None, :]
    grid[..., 1] = _places(top, h, height)[:, :, None]
    return F.grid_sample(images, grid, align_corners=False, padding_mode="border")


def _places(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Return where the ``size`` pixels of a side come from, (B, size), as grid_sample counts it."""
    pixels = torch.arange(size, dtype=start.dtype)
    place = start + (pixels + 0.5) * length / size - 0.5
    # What lies outside the rectangle has no part in its edge.
    place = place.maximum(start).minimum(start + length - 1)
    return (2 * place + 1) / size - 1
