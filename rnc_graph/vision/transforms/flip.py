"""Left and right change places."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from rnc_graph.vision.transforms.base import IMAGE_VIEWS, to_float
from rnc_graph.vision.transforms.draws import checked_probability, chosen_rows


@IMAGE_VIEWS.register("flip")
class Flip:
    """Mirror left and right.

    Args:
        probability: of each image.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = checked_probability(probability, "flip")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = chosen_rows(batch, self.probability, generator)
        images = to_float(batch)
        return torch.where(chosen[:, None, None, None], images.flip(3), images)
