"""Sets of classes that torchvision reads: CIFAR-10, CIFAR-100, STL10 and Fashion-MNIST."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnc_graph.errors import MissingFileError, MissingPackageError, UnknownNameError
from rnc_graph.vision.data import ImageData
from rnc_graph.vision.fashion_mnist import load_fashion_mnist
from rnc_graph.vision.store import packed_array
from rnc_graph.vision.table import ImageTable

# Of each set torchvision's class, the archive, and the folder that it unpacks to.
_SOURCES = {
    "cifar10": (
        "CIFAR10",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "cifar-10-batches-py",
    ),
    "cifar100": (
        "CIFAR100",
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        "cifar-100-python",
    ),
    "stl10": (
        "STL10",
        "https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        "stl10_binary",
    ),
}


def load_class_images(name: str, root: Path, *, download: bool = False) -> ImageData:
    """Load a set of classes with its training and test set.

    The superclasses of CIFAR-100 and the kinds of Fashion-MNIST are in ``hierarchies``.

    Args:
        name: "cifar10", "cifar100", "stl10" (its labeled images) or "fashion-mnist".
        root: the folder that the unpacked archive is in, as torchvision keeps it.
        download: whether torchvision may download the archive into ``root``.

    Returns:
        N images, (3, 32, 32), (3, 96, 96) or (1, 28, 28), and their class indices (N, 1).

    Raises:
        UnknownNameError: there is no such set.
        MissingFileError: it is not in ``root`` (the message says how to get it), or damaged.
        MissingPackageError: torchvision is not installed.
    """
    if name == "fashion-mnist":
        if download:
            _dataset("FashionMNIST")(root, train=True, download=True)
        raw = root / "FashionMNIST" / "raw"
        return load_fashion_mnist(raw if raw.exists() else None)
    if name not in _SOURCES:
        raise UnknownNameError("set of images", name, [*_SOURCES, "fashion-mnist"])
    title, archive, unpacked = _SOURCES[name]
    read, found = _dataset(title), {}
    for part in ("train", "test"):
        option = {"split": part} if name == "stl10" else {"train": part == "train"}
        try:
            # torchvision verifies the checksums of the files before it opens them.
            found[part] = read(root, **option, download=download)
        except (RuntimeError, OSError) as error:
            raise MissingFileError(
                f"{name}: is not complete in {root}: {error}; nothing is downloaded by default: "
                f"get {archive} and unpack it so that {root / unpacked} exists, or allow the "
                "download"
            ) from error
    labels = [np.asarray(of.labels if name == "stl10" else of.targets) for of in found.values()]
    pixels = np.concatenate([of.data for of in found.values()])
    split = [part for part, of in found.items() for _ in range(len(of))]
    names = [f"{part} {row}" for part, of in found.items() for row in range(1, len(of) + 1)]
    classes = found["train"].classes
    table = ImageTable.of_classes(name, names, np.concatenate(labels), split, classes)
    return ImageData(table, packed_array(_last_channels(pixels)))


def _dataset(title: str) -> Any:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise MissingPackageError(
            f"{title} needs torchvision: pip install 'rnc-graph[images]' ({error})"
        ) from error
    return getattr(datasets, title)


def _last_channels(pixels: Any) -> Any:
    """Return pixels (N, H, W, 3), given these or (N, 3, H, W)."""
    return pixels if pixels.shape[-1] == 3 else pixels.transpose(0, 2, 3, 1)
