"""Digits rotated by known angles: scikit-learn's, which need no download."""

import numpy as np
import torch

from rnc_graph.errors import BadValueError
from rnc_graph.vision.data import ImageData, ImageTable
from rnc_graph.vision.store import PackedImages
from rnc_graph.vision.transforms import rotated

# A digit's share of the image's side: its corners stay inside at any angle.
_SHARE = 0.7


def rotated_digits(size: int = 32, *, degrees: float = 60.0, seed: int = 0) -> ImageData:
    """Rotate each of scikit-learn's 1,797 digits by a random angle, which is its target.

    At angles of 90 degrees and more a digit has two possible targets: 0, 1 and 8 look alike at
    angles 180 degrees apart, and a 6 looks like a 9.

    Args:
        size: H = W in pixels, at least 12.
        degrees: angles are drawn uniformly from -degrees to degrees; below 90.
        seed: the same seed draws the same angles.

    Returns:
        N = 1797 gray images, white on black, and their angles (N, 1), counter-clockwise.
    """
    from sklearn.datasets import load_digits

    if size < 12:
        raise BadValueError(f"size of rotated digits: expected at least 12 pixels, got {size}")
    if not 0 < degrees < 90:
        raise BadValueError(f"degrees of rotated digits: expected above 0, below 90, got {degrees}")
    digits = load_digits()
    angles = np.random.default_rng(seed).uniform(-degrees, degrees, len(digits.images))
    images = torch.from_numpy(digits.images).float()[:, None] / 16
    side = round(_SHARE * size)
    images = torch.nn.functional.interpolate(images, (side, side), mode="bilinear")
    before = (size - side) // 2
    after = size - side - before
    images = torch.nn.functional.pad(images, (before, after, before, after))
    pixels = (255 * rotated(images, torch.from_numpy(angles).float())).round().clamp(0, 255)
    names = [f"digit {row}: {digit}" for row, digit in enumerate(digits.target, start=1)]
    table = ImageTable("rotated digits", names, angles[:, None], ["angle"], unit="degrees")
    return ImageData(table, PackedImages(pixels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()))
