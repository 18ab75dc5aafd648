"""Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747): 70,000 gray images of clothes, 28 x 28."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError, MissingFileError, unreadable
from rnc_graph.vision.data import ImageData
from rnc_graph.vision.store import packed_array
from rnc_graph.vision.table import ImageTable

FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
# Where the package dataset-fashion-mnist of Debian and Ubuntu puts it.
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
HOW_TO_GET_IT = (
    "Fashion-MNIST is not downloaded: on Debian or Ubuntu, `apt-get install "
    "dataset-fashion-mnist`; elsewhere, put the four files train-images-idx3-ubyte.gz, "
    "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz of "
    "https://github.com/zalandoresearch/fashion-mnist into one folder and name it"
)


def load_fashion_mnist(folder: Path | None = None) -> ImageData:
    """Load the training set (60,000) and the test set (10,000).

    Args:
        folder: of the four IDX files, gzipped or not, such as the ``FashionMNIST/raw`` that
            torchvision makes; None for the folder of Debian's package.

    Returns:
        N = 70,000 images (1, 28, 28) and their class indices (N, 1).

    Raises:
        MissingFileError: a file is missing; the message says how to get it.
        BadValueError: a file is incomplete, or not of this dataset.
    """
    folder = SYSTEM_FOLDER if folder is None else folder
    pixels, labels = [], []
    for prefix in ("train", "t10k"):
        image_file = _file(folder, f"{prefix}-images-idx3-ubyte")
        label_file = _file(folder, f"{prefix}-labels-idx1-ubyte")
        images, numbers = read_idx(image_file, 3), read_idx(label_file, 1)
        if images.shape[1:] != (28, 28):
            raise BadValueError(
                f"{image_file}: expected images of (28, 28), got {images.shape[1:]}"
            )
        if len(images) != len(numbers):
            raise BadValueError(f"{label_file}: expected {len(images)} labels, got {len(numbers)}")
        if numbers.max(initial=0) >= len(FASHION_CLASSES):
            raise BadValueError(f"{label_file}: expected labels of 0 to 9, got {numbers.max()}")
        pixels.append(images)
        labels.append(numbers)
    split = ["train"] * len(labels[0]) + ["test"] * len(labels[1])
    names = [
        f"{part} {row}"
        for part, of in zip(("train", "test"), labels, strict=True)
        for row in range(1, len(of) + 1)
    ]
    table = ImageTable.of_classes(
        "Fashion-MNIST", names, np.concatenate(labels), split, FASHION_CLASSES
    )
    return ImageData(table, packed_array(np.concatenate(pixels)[..., None]))


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, gzipped if its name ends in .gz.

    Args:
        path: the file.
        dimensions: expected of the array: 3 for images (N, H, W), 1 for labels (N,).

    Raises:
        BadValueError: the file is incomplete, not an IDX file, or has other dimensions.
        FileError: it cannot be read.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadValueError(f"{path}: incomplete or damaged gzip file: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error
    # Two zeros, 8 for unsigned bytes, the number of dimensions; then the length of each.
    magic = bytes((0, 0, 8, dimensions))
    if content[:4] != magic:
        raise BadValueError(
            f"{path}: expected an IDX file of bytes in {dimensions} dimensions, which begins with "
            f"{magic.hex()}, got {content[:4].hex() or 'nothing'}"
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise BadValueError(f"{path}: ends within its header, at {len(content)} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    size = int(np.prod(shape, dtype=object))
    if len(content) - start != size:
        raise BadValueError(
            f"{path}: expected {size} bytes for an array of {shape}, got {len(content) - start}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            return path
    raise MissingFileError(f"{folder / name}.gz: is missing; {HOW_TO_GET_IT}")
