"""Files decoded to the pixels of images of one size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError, unreadable

Pixels = tuple[NDArray[np.uint8], dict[int, str]]
"""(n, H, W, C) pixels, and by its row, from 0, why an image cannot be used: it is black."""

# Part of the cache's key: changes whenever the same file would give other pixels.
DECODER = "2"


@dataclass(frozen=True)
class Decoding:
    """How files become images of one size.

    An image is turned as its EXIF orientation says, laid on white where it is transparent,
    converted to RGB or gray, and resized with antialiasing (bilinear, as torchvision does it): its
    shorter side to ``size``, with the center of the longer one.

    Attributes:
        size: H = W in pixels.
        gray: whether images have one channel in place of three.
    """

    size: int
    gray: bool = False

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BadValueError(f"size of images: expected at least 1 pixel, got {self.size}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of each image."""
        return self.size, self.size, 1 if self.gray else 3


def decode(path: Path, decoding: Decoding) -> NDArray[np.uint8]:
    """Return the (size, size, C) pixels of a file.

    Raises:
        BadValueError: the reason alone why it is no image that can be used.
        FileError: the file cannot be read, which may pass.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            if file.mode[0] in "IF":
                raise BadValueError(f"expected 8 bits a channel, got Pillow's mode {file.mode}")
            image = _on_white(ImageOps.exif_transpose(file))
            image = image.convert("L" if decoding.gray else "RGB")
    except FileNotFoundError:
        raise BadValueError("is missing") from None
    except UnidentifiedImageError:
        raise BadValueError("cannot be read as an image") from None
    except BadValueError:
        raise
    except Exception as error:  # Pillow's decoders raise errors of many kinds.
        # Only those of the system have a number: they say nothing about the image.
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error) from error
        text = str(error).replace(str(path), "the file").replace(repr(str(path)), "the file")
        raise BadValueError(f"cannot be read as an image: {text}") from error
    image = ImageOps.fit(image, (decoding.size, decoding.size), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(decoding.shape)


def _on_white(image: Any) -> Any:
    """Return an image without transparency."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    colors = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colors.size, "white"), colors)


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
