"""Files decoded to the pixels of images of one size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.cache import OnDone
from rnc_graph.errors import BadValueError
from rnc_graph.vision.bad import BadImage
from rnc_graph.vision.store import PackedImages, Pixels, digest, packed_images

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

    Raises:
        BadValueError: a size below 1, or another fit.
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


def decoded_images(
    paths: Sequence[Path | str],
    decoding: Decoding,
    *,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> tuple[PackedImages, list[BadImage]]:
    """Return the images of N files, decoded once and cached after, and which of them are bad.

    The cache identifies a file by its path, size and time of change, and does not read it.

    Args:
        paths: N files.
        decoding: how they become images of one size.
        jobs: processes to decode in.
        on_done: called with the number of images done since the last call.

    Raises:
        RunError: a worker process died.
    """
    names = [str(path) for path in paths]
    # The pixels depend on Pillow's decoders and resampling too.
    from PIL import __version__ as pillow

    key = digest([DECODER, pillow, asdict(decoding)], map(_stamp, names))
    make = partial(decode_all, decoding=decoding)
    return packed_images(key, names, make, decoding.shape, jobs=jobs, on_done=on_done)


def decode(path: Path, decoding: Decoding) -> NDArray[np.uint8]:
    """Return the (size, size, C) pixels of a file.

    Raises:
        BadValueError: the file is missing or damaged; the message is the reason alone.
    """
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
    """Return the (n, size, size, C) pixels of n files; a bad one is black and listed."""
    pixels = np.zeros((len(paths), *decoding.shape), dtype=np.uint8)
    bad = []
    for row, path in enumerate(paths):
        try:
            pixels[row] = decode(Path(path), decoding)
        except BadValueError as error:
            bad.append(BadImage(row, path, str(error)))
    return pixels, bad


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return f"{os.path.abspath(path)} missing"
    # Unlike the time of the last writing, it changes with permissions too, and cannot be set back.
    return f"{os.path.abspath(path)} {status.st_size} {status.st_ctime_ns}"
