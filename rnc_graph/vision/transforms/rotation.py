"""Each image turned."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from rnc_graph.errors import BadValueError
from rnc_graph.vision.transforms.base import IMAGE_VIEWS, to_float
from rnc_graph.vision.transforms.draws import checked_probability, chosen_rows, uniform


@IMAGE_VIEWS.register("rotation")
class Rotation:
    """Rotate about the middle, counter-clockwise (bilinear).

    Args:
        degrees: the angle is drawn from -degrees to degrees.
        probability: of each image.
        fill: brightness of what comes in from outside, 0 (black) to 1 (white).
    """

    def __init__(self, degrees: float = 15.0, probability: float = 1.0, fill: float = 0.0) -> None:
        if not 0 <= degrees <= 180:
            raise BadValueError(f"degrees of rotation: found {degrees}, right is 0 to 180")
        if not 0 <= fill <= 1:
            raise BadValueError(f"fill of rotation: found {fill}, right is 0 to 1")
        self.degrees = degrees
        self.probability = checked_probability(probability, "rotation")
        self.fill = fill

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = chosen_rows(batch, self.probability, generator)
        angles = uniform(len(batch), (-self.degrees, self.degrees), generator).float()
        rows = chosen.nonzero()[:, 0]
        images = to_float(batch)
        return images.index_copy(0, rows, rotated(images[rows], angles[rows], self.fill))


def rotated(images: Tensor, degrees: Tensor, fill: float = 0.0) -> Tensor:
    """Rotate each image counter-clockwise by its angle (B,) about its middle, bilinear."""
    if len(images) == 0:  # affine_grid makes no empty grids.
        return images
    height, width = images.shape[2:]
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    zero = torch.zeros_like(cos)
    # The grid counts each side from -1 to 1, so that turning pixels takes their proportion.
    rows = [cos, -sin * height / width, zero, sin * width / height, cos, zero]
    theta = torch.stack(rows, 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    if fill == 0:
        return F.grid_sample(images, grid, align_corners=False)
    return F.grid_sample(images - fill, grid, align_corners=False).add_(fill)
