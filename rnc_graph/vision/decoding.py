"""One file in, the pixels of one image at training size out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError, MissingFileError, RncGraphError

# Raised whenever the pixels that decoding gives change.
DECODER = "1"


@dataclass(frozen=True)
class Decoding:
    """How files become images of one size.

    An image is turned as its EXIF orientation says, brought to RGB or gray, and resized with
    antialiasing (bilinear, as torchvision does it).

    Attributes:
        size: H = W in pixels.
        gray: whether images have one channel rather than three.
        fit: "shorter" resizes the shorter side to ``size`` and cuts the middle out of the longer
            one; "square" resizes both sides, whatever becomes of the proportions.

    Raises:
        RncGraphError: a size below 1, or another fit.
    """

    size: int
    gray: bool = False
    fit: Literal["shorter", "square"] = "shorter"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BadValueError(f"size of images: found {self.size}, right is 1 pixel or more")
        if self.fit not in ("shorter", "square"):
            raise BadValueError(
                f"fit of images: found {self.fit!r}, right is 'shorter' or 'square'"
            )

    @property
    def channels(self) -> int:
        """C."""
        return 1 if self.gray else 3


@dataclass(frozen=True)
class BadImage:
    """An image that cannot be used.

    Attributes:
        row: from 0 in what was given.
        path: of its file, or what it is called.
        reason: why, in words.
    """

    row: int
    path: str
    reason: str


def decode(path: Path, decoding: Decoding) -> NDArray[np.uint8]:
    """Return the (size, size, C) pixels of a file.

    Raises:
        RncGraphError: the file is missing or no whole image; the message is the reason alone.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("L" if decoding.gray else "RGB")
    except FileNotFoundError:
        raise MissingFileError("is missing") from None
    except UnidentifiedImageError:
        raise BadValueError("is no image that can be read") from None
    except Exception as error:  # Pillow's decoders raise whatever the bytes make them stumble on.
        text = str(error).replace(str(path), "the file").replace(repr(str(path)), "the file")
        raise BadValueError(f"is no image that can be read: {text}") from error
    size = decoding.size
    if decoding.fit == "square":
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    else:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(size, size, decoding.channels)


def decode_all(
    paths: Sequence[str], decoding: Decoding
) -> tuple[NDArray[np.uint8], list[BadImage]]:
    """Return the (n, size, size, C) pixels of n files; a bad one is black and named."""
    size = decoding.size
    pixels = np.zeros((len(paths), size, size, decoding.channels), dtype=np.uint8)
    bad = []
    for row, path in enumerate(paths):
        try:
            pixels[row] = decode(Path(path), decoding)
        except RncGraphError as error:
            bad.append(BadImage(row, path, str(error)))
    return pixels, bad
