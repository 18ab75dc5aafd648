"""Published sets of classes: Fashion-MNIST, and CIFAR-10, CIFAR-100 and STL10 by torchvision."""

import gzip
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from rnc_graph.errors import BadValueError, MissingFileError, UnknownNameError, unreadable
from rnc_graph.extras import import_extra
from rnc_graph.vision.data import ImageData, ImageTable
from rnc_graph.vision.store import packed_array

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
    """Load Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747), 60,000 + 10,000 images (1, 28, 28).

    ``folder`` holds the four IDX files, gzipped or not, such as the ``FashionMNIST/raw`` that
    torchvision makes; None for the folder of Debian's package.
    """
    folder = SYSTEM_FOLDER if folder is None else folder
    subsets = {}
    for subset, prefix in (("train", "train"), ("test", "t10k")):
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
        subsets[subset] = images[..., None], numbers
    return _joined("Fashion-MNIST", subsets, FASHION_CLASSES)


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, gzipped if its name ends in .gz.

    ``dimensions`` are 3 for images (N, H, W), 1 for labels (N,).
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


# Of each set torchvision's class, the archive, and the folder that it unpacks to.
_CIFAR, _STL = "https://www.cs.toronto.edu/~kriz/", "https://ai.stanford.edu/~acoates/stl10/"
_SOURCES = {
    "cifar10": ("CIFAR10", f"{_CIFAR}cifar-10-python.tar.gz", "cifar-10-batches-py"),
    "cifar100": ("CIFAR100", f"{_CIFAR}cifar-100-python.tar.gz", "cifar-100-python"),
    "stl10": ("STL10", f"{_STL}stl10_binary.tar.gz", "stl10_binary"),
}


def load_class_images(
    name: str, root: Path, *, size: int | None = None, samples: int | None = None
) -> ImageData:
    """Load a set of classes with its training and test set.

    The superclasses of CIFAR-100 are in ``hierarchies``.

    Args:
        name: "cifar10", "cifar100" or "stl10" (its labeled images).
        root: the folder that the unpacked archive is in, as torchvision keeps it.
        size: H = W to resize images to; None keeps them as they are.
        samples: take no more images, evenly spaced; None for all.

    Raises :class:`MissingFileError`, which says how to get the set, if it is not in ``root``, or
    damaged.
    """
    if name not in _SOURCES:
        raise UnknownNameError("set of images", name, list(_SOURCES))
    title, archive, unpacked = _SOURCES[name]
    read, subsets = getattr(import_extra("torchvision.datasets", "images", title), title), {}
    for subset in ("train", "test"):
        option = {"split": subset} if name == "stl10" else {"train": subset == "train"}
        try:
            # torchvision verifies the checksums of the files before it opens them.
            found = read(root, **option)
        except (RuntimeError, OSError) as error:
            # torchvision's advice is no option of a spec.
            reason = str(error).replace(". You can use download=True to download it", "")
            raise MissingFileError(
                f"{name}: is not complete in {root}: {reason}; nothing is downloaded: get "
                f"{archive} and unpack it so that {root / unpacked} exists"
            ) from error
        if name == "stl10":
            subsets[subset] = found.data.transpose(0, 2, 3, 1), found.labels
        else:
            subsets[subset] = found.data, np.asarray(found.targets)
    return _resized(_joined(name, subsets, found.classes), size, samples)


def _resized(data: ImageData, size: int | None, samples: int | None) -> ImageData:
    """Return no more than so many images, resized as decoded ones are (bilinear, antialiased)."""
    table = data.table.spaced(samples)
    images = data.images
    if len(table) < len(images):
        images = images.take(torch.from_numpy(table.rows - 1))
    if size is not None and images.shape[1:] != (size, size):
        batches = [
            interpolate(images.batch(rows), (size, size), mode="bilinear", antialias=True)
            for rows in torch.split(torch.arange(len(images)), 1000)
        ]
        images = packed_array(torch.cat(batches).permute(0, 2, 3, 1).contiguous().numpy())
    return replace(data, table=table, images=images)


def _joined(
    name: str,
    subsets: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.integer]]],
    classes: Sequence[str],
) -> ImageData:
    """Return the pixels (N, H, W, C) and class indices (N,) of the sets as one."""
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*subsets.values(), strict=True))
    split = [subset for subset, (_, of_subset) in subsets.items() for _ in of_subset]
    rows = [row for _, of_subset in subsets.values() for row in range(1, len(of_subset) + 1)]
    names = [f"{subset} {row}" for subset, row in zip(split, rows, strict=True)]
    table = ImageTable.of_classes(name, names, labels, split, classes)
    return ImageData(table, packed_array(pixels))
