"""Digits rotated by known angles: scikit-learn's, which need no download."""

from __future__ import annotations

import numpy as np
import torch

from rnc_graph.errors import BadValueError
from rnc_graph.vision.data import ImageData
from rnc_graph.vision.functional import rotated
from rnc_graph.vision.store import PackedImages
from rnc_graph.vision.table import ImageTable

# A digit's share of the image's side: its corners stay inside at any angle.
_SHARE = 0.7


def rotated_digits(size: int = 32, *, degrees: float = 60.0, seed: int = 0) -> ImageData:
    """Rotate each of scikit-learn's 1,797 digits by a random angle, which is its target.

    Angles are within -60 to 60 degrees by default: 0, 1 and 8 look alike at angles half a turn
    apart, and a 6 at one is a 9 at the other, so that a range as wide as -90 to 90 has two answers
    at its ends.

    Args:
        size: H = W in pixels, 12 or more.
        degrees: angles are drawn evenly from -degrees to degrees; below 90.
        seed: the same seed draws the same angles.

    Returns:
        N = 1797 gray images, white on black, and their angles (N, 1), counter-clockwise.

    Raises:
        RncGraphError: a size below 12, or a range of angles that is empty or has two answers.
    """
    from sklearn.datasets import load_digits

    if size < 12:
        raise BadValueError(f"size of rotated digits: found {size}, right is 12 pixels or more")
    if not 0 < degrees < 90:
        raise BadValueError(
            f"degrees of rotated digits: found {degrees}, right is above 0 and below 90, where no "
            "angle looks like another"
        )
    digits = load_digits()
    angles = np.random.default_rng(seed).uniform(-degrees, degrees, len(digits.images))
    images = torch.from_numpy(digits.images).float()[:, None] / 16
    side = round(_SHARE * size)
    images = torch.nn.functional.interpolate(images, (side, side), mode="bilinear")
    before = (size - side) // 2
    after = size - side - before
    images = torch.nn.functional.pad(images, (before, after, before, after))
    turned = rotated(images, torch.from_numpy(angles).float())
    pixels = (255 * turned).round().clamp(0, 255).to(torch.uint8)
    table = ImageTable(
        name="rotated digits",
        images=[f"digit {row}: {digit}" for row, digit in enumerate(digits.target, start=1)],
        targets=angles[:, None],
        target_names=["angle"],
        unit="degrees",
    )
    return ImageData(table, PackedImages(pixels.permute(0, 2, 3, 1).contiguous()))
