"""A Gaussian blur."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from rnc_graph.errors import BadValueError
from rnc_graph.vision.transforms.base import IMAGE_VIEWS, to_float
from rnc_graph.vision.transforms.draws import (
    checked_probability,
    chosen_rows,
    each,
    ends_of,
    uniform,
)


@IMAGE_VIEWS.register("blur")
class Blur:
    """Blur with a Gaussian, reflecting at the edges.

    Args:
        probability: of each image.
        sigma: smallest and largest standard deviation, in pixels.
        kernel: width of the window in pixels, odd; None for a tenth of the image's height, as in
            SimCLR, and 3 at least.
    """

    def __init__(
        self,
        probability: float = 0.5,
        sigma: Sequence[float] = (0.1, 2.0),
        kernel: int | None = None,
    ) -> None:
        self.probability = checked_probability(probability, "blur")
        self.sigma = ends_of(sigma, "sigma of blur")
        if kernel is not None and (kernel < 1 or kernel % 2 == 0):
            raise BadValueError(f"kernel of blur: found {kernel}, right is an odd number of pixels")
        self.kernel = kernel

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = chosen_rows(batch, self.probability, generator)
        sigma = uniform(len(batch), self.sigma, generator).float()
        kernel = self.kernel or max(3, batch.shape[2] // 10 // 2 * 2 + 1)
        if kernel // 2 >= min(batch.shape[2:]):
            raise BadValueError(
                f"kernel of blur: found {kernel}, right is less than twice the side of the "
                f"images, {min(batch.shape[2:])} pixels"
            )
        rows = chosen.nonzero()[:, 0]
        images = to_float(batch)
        return images.index_copy(0, rows, blurred(images[rows], sigma[rows], kernel))


def blurred(images: Tensor, sigma: Tensor, kernel: int) -> Tensor:
    """Blur each image with a Gaussian of its own sigma (B,), in a window of ``kernel`` pixels."""
    half = kernel // 2
    places = torch.arange(half + 1, dtype=images.dtype)
    weights = torch.exp(-0.5 * (places / sigma[:, None]) ** 2)  # (B, half + 1), from the middle
    weights = weights / (weights.sum(1, keepdim=True) + weights[:, 1:].sum(1, keepdim=True))
    for dim, padding in ((2, (0, 0, half, half)), (3, (half, half, 0, 0))):
        padded = F.pad(images, padding, mode="reflect")
        size = images.shape[dim]
        images = padded.narrow(dim, half, size) * each(weights[:, 0])
        for step in range(1, half + 1):
            both = padded.narrow(dim, half - step, size) + padded.narrow(dim, half + step, size)
            images.addcmul_(both, each(weights[:, step]))
    return images
