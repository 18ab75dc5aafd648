"""Class sets that torchvision reads: CIFAR-10, CIFAR-100, STL10 and Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import MissingFileError, MissingPackageError, UnknownNameError
from rnc_graph.vision.data import ImageData
from rnc_graph.vision.fashion_mnist import load_fashion_mnist
from rnc_graph.vision.store import packed_array
from rnc_graph.vision.table import ImageTable


@dataclass(frozen=True)
class _Source:
    """A set of torchvision's.

    Attributes:
        title: its name.
        part: how torchvision is asked for "train" or "test".
        archive: where it is.
        unpacked: the folder that has to stand in the root.
    """

    title: str
    part: Callable[[str], dict[str, Any]]
    archive: str
    unpacked: str


def _by_train(part: str) -> dict[str, Any]:
    return {"train": part == "train"}


_SOURCES = {
    "cifar10": _Source(
        "CIFAR10",
        _by_train,
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "cifar-10-batches-py",
    ),
    "cifar100": _Source(
        "CIFAR100",
        _by_train,
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        "cifar-100-python",
    ),
    "stl10": _Source(
        "STL10",
        lambda part: {"split": part},
        "https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        "stl10_binary",
    ),
}


def load_class_images(name: str, root: Path, *, download: bool = False) -> ImageData:
    """Load a set of classes with its training and test set.

    The superclasses of CIFAR-100 and the kinds of Fashion-MNIST are in ``hierarchies``.

    Args:
        name: "cifar10", "cifar100", "stl10" (its labeled images) or "fashion-mnist".
        root: the folder that the unpacked archive stands in, as torchvision keeps it.
        download: whether torchvision may fetch the archive into ``root``.

    Returns:
        N images, (3, 32, 32), (3, 96, 96) or (1, 28, 28), and the numbers of their classes (N, 1).

    Raises:
        UnknownNameError: there is no such set.
        RncGraphError: it is not in ``root`` (the message says how to get it), it is damaged, or
            torchvision is not installed.
    """
    if name == "fashion-mnist":
        if download:
            _read("FashionMNIST", root, {"train": True}, True)
        raw = root / "FashionMNIST" / "raw"
        return load_fashion_mnist(raw if raw.exists() else None)
    if name not in _SOURCES:
        raise UnknownNameError("set of images", name, [*_SOURCES, "fashion-mnist"])
    source = _SOURCES[name]
    pixels, labels, parts, names = [], [], [], []
    classes: tuple[str, ...] = ()
    for part in ("train", "test"):
        try:
            found = _read(source.title, root, source.part(part), download)
        except (RuntimeError, OSError) as error:
            raise MissingFileError(
                f"{name}: is not whole in {root}: {error}; nothing is downloaded unless asked for: "
                f"fetch {source.archive} and unpack it so that {root / source.unpacked} is there, "
                "or allow the download"
            ) from error
        pixels.append(_last_channels(found.data))
        numbers = found.labels if name == "stl10" else found.targets
        labels.append(np.asarray(numbers, dtype=np.float64))
        classes = tuple(found.classes)
        parts += [part] * len(pixels[-1])
        names += [f"{part} {row}" for row in range(1, len(pixels[-1]) + 1)]
    table = ImageTable(
        name=name,
        images=names,
        targets=np.concatenate(labels)[:, None],
        target_names=["class"],
        parts=np.array(parts, dtype="<U5"),
        classes=classes,
    )
    return ImageData(table, packed_array(np.concatenate(pixels)))


def _read(title: str, root: Path, part: dict[str, Any], download: bool) -> Any:
    """Let torchvision read a part; it checks the sums of the files before it opens them."""
    try:
        from torchvision import datasets
    except ImportError as error:
        raise MissingPackageError(
            f"{title} needs torchvision: pip install 'rnc-graph[images]' ({error})"
        ) from error
    return getattr(datasets, title)(root, **part, download=download)


def _last_channels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (N, H, W, 3), whichever place the channels had."""
    return pixels if pixels.shape[-1] == 3 else pixels.transpose(0, 2, 3, 1)
