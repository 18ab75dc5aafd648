"""Files decoded to the pixels of images of one size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError

Pixels = tuple[NDArray[np.uint8], dict[int, str]]
"""(n, H, W, C) pixels, and by its row, from 0, why an image cannot be used: it is black."""

# Part of the cache's key: changes whenever the same file would give other pixels.
DECODER = "1"


@dataclass(frozen=True)
class Decoding:
    """How files become images of one size.

    An image is turned as its EXIF orientation says, converted to RGB or gray, and resized with
    antialiasing (bilinear, as torchvision does it).

    Attributes:
        size: H = W in pixels.
        gray: whether images have one channel in place of three.
        fit: "shorter" resizes the shorter side to ``size`` and crops the center of the longer one;
            "square" resizes both sides, whatever the aspect ratio.
    """

    size: int
    gray: bool = False
    fit: Literal["shorter", "square"] = "shorter"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BadValueError(f"size of images: expected at least 1 pixel, got {self.size}")
        if self.fit not in ("shorter", "square"):
            raise BadValueError(f"fit of images: expected 'shorter' or 'square', got {self.fit!r}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of each image."""
        return self.size, self.size, 1 if self.gray else 3


def decode(path: Path, decoding: Decoding) -> NDArray[np.uint8]:
    """Return the (size, size, C) pixels of a file; a :class:`BadValueError` is the reason alone."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("L" if decoding.gray else "RGB")
    except FileNotFoundError:
        raise BadValueError("is missing") from None
    except UnidentifiedImageError:
        raise BadValueError("cannot be read as an image") from None
    except Exception as error:  # Pillow's decoders raise errors of many kinds.
        text = str(error).replace(str(path), "the file").replace(repr(str(path)), "the file")
        raise BadValueError(f"cannot be read as an image: {text}") from error
    size = (decoding.size, decoding.size)
    if decoding.fit == "square":
        image = image.resize(size, Image.Resampling.BILINEAR)
    else:
        image = ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(decoding.shape)


def decode_all(paths: Sequence[str], decoding: Decoding) -> Pixels:
    """Return the (n, size, size, C) pixels of n files."""
    return filled(paths, lambda path: decode(Path(path), decoding), decoding.shape)


def filled(
    sources: Sequence[str], make: Callable[[str], NDArray[np.uint8]], shape: tuple[int, int, int]
) -> Pixels:
    """Return the pixels of n images; one is black if ``make`` raises a ValueError, the reason."""
    pixels = np.zeros((len(sources), *shape), dtype=np.uint8)
    bad = {}
    for row, source in enumerate(sources):
        try:
            pixels[row] = make(source)
        except ValueError as error:
            bad[row] = str(error)
    return pixels, bad
