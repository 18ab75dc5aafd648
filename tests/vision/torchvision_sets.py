"""Small sets of images in torchvision's layouts, whose checksums torchvision takes for theirs."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from rnc_graph.vision import CIFAR100_SUPERCLASSES

CIFAR100_CLASSES = sorted(name for names in CIFAR100_SUPERCLASSES.values() for name in names)


def write_cifar10(root: Path, patch: pytest.MonkeyPatch, train: int = 20, test: int = 10) -> None:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    train_list = [_batch(folder / "data_batch_1", "labels", train, 10, seed=1)]
    test_list = [_batch(folder / "test_batch", "labels", test, 10, seed=2)]
    names = [f"class {number}" for number in range(10)]
    meta = _meta(folder / "batches.meta", "label_names", names)
    _let_torchvision_read(datasets.CIFAR10, patch, train_list, test_list, meta)


def write_cifar100(root: Path, patch: pytest.MonkeyPatch, train: int = 8, test: int = 4) -> None:
    folder = root / "cifar-100-python"
    folder.mkdir()
    train_list = [_batch(folder / "train", "fine_labels", train, 100, seed=3)]
    test_list = [_batch(folder / "test", "fine_labels", test, 100, seed=4)]
    meta = _meta(folder / "meta", "fine_label_names", CIFAR100_CLASSES)
    _let_torchvision_read(datasets.CIFAR100, patch, train_list, test_list, meta)


def write_stl10(
    root: Path, patch: pytest.MonkeyPatch, train: tuple[int, ...], test: tuple[int, ...]
) -> None:
    """Write images with these classes, from 1."""
    folder = root / "stl10_binary"
    folder.mkdir()
    rng = np.random.default_rng(5)
    sums = {}
    for name, content in {
        "train_X.bin": rng.integers(0, 256, len(train) * 3 * 96 * 96, dtype=np.uint8).tobytes(),
        "train_y.bin": bytes(train),
        "unlabeled_X.bin": b"",
        "test_X.bin": rng.integers(0, 256, len(test) * 3 * 96 * 96, dtype=np.uint8).tobytes(),
        "test_y.bin": bytes(test),
        "class_names.txt": b"\n".join(b"class %d" % i for i in range(10)),
    }.items():
        (folder / name).write_bytes(content)
        sums[name] = _sum(folder / name)
    names = ("train_X.bin", "train_y.bin", "unlabeled_X.bin")
    patch.setattr(datasets.STL10, "train_list", [[name, sums[name]] for name in names])
    names = ("test_X.bin", "test_y.bin")
    patch.setattr(datasets.STL10, "test_list", [[name, sums[name]] for name in names])


def _batch(path: Path, key: str, count: int, classes: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    labels = [number % classes for number in range(count)]
    path.write_bytes(pickle.dumps({"data": pixels, key: labels}))
    return [path.name, _sum(path)]


def _meta(path: Path, key: str, names: list[str]) -> dict[str, str]:
    path.write_bytes(pickle.dumps({key: names}))
    return {"filename": path.name, "key": key, "md5": _sum(path)}


def _let_torchvision_read(
    of: type, patch: pytest.MonkeyPatch, train: list[list[str]], test: list[list[str]], meta: object
) -> None:
    patch.setattr(of, "train_list", train)
    patch.setattr(of, "test_list", test)
    patch.setattr(of, "meta", meta)


def _sum(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()
