import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets
from torchvision.transforms import v2

from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.vision import (
    CIFAR100_SUPERCLASSES,
    Decoding,
    folder_table,
    list_table,
    load_class_images,
    load_fashion_mnist,
    load_images,
    superclass_of,
)
from rnc_graph.vision.class_sets import read_idx
from rnc_graph.vision.sources import ClassFolders
from tests.vision.conftest import write_image
from tests.vision.torchvision_sets import write_cifar100, write_stl10


def _idx(array: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 12), ("t10k", 5)):
        images = rng.integers(0, 256, (count, 28, 28))
        content = gzip.compress(_idx(images))
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(content)
        content = _idx(np.arange(count) % 10)  # Not gzipped, as torchvision leaves it.
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(content)
    return tmp_path


def test_fashion_mnist_from_its_files(cache: Path, fashion: Path) -> None:
    data = load_fashion_mnist(fashion)
    assert data.images.shape == (1, 28, 28)
    assert len(data) == len(data.images) == 17
    assert data.table.labels.tolist() == [*range(10), 0, 1, *range(5)]
    assert data.table.published_split is not None
    assert data.table.published_split.tolist() == ["train"] * 12 + ["test"] * 5
    assert data.table.classes[9] == "Ankle boot"
    raw = read_idx(fashion / "t10k-images-idx3-ubyte.gz", 3)
    assert np.array_equal(data.images.batch(torch.arange(12, 17))[:, 0].numpy(), raw)


def test_without_fashion_mnist_it_is_told_how_to_get_it(fashion: Path) -> None:
    (fashion / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(RncGraphError, match=r"t10k-labels.*missing; .*dataset-fashion-mnist"):
        load_fashion_mnist(fashion)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gz", b"", "damaged gzip file|got nothing"),
        ("a.gz", b"\x1f\x8b\x08", "damaged gzip file"),
        ("a.gz", gzip.compress(_idx(np.zeros(5)), mtime=0)[:-9], "damaged gzip file"),
        ("a", b"", "begins with 00000801, got nothing"),
        ("a", _idx(np.zeros((2, 2))), "begins with 00000801, got 00000802"),
        ("a", b"\0\0\x08\x01\0\0", "ends within its header, at 6 bytes"),
        ("a", _idx(np.zeros(5))[:-1], r"expected 5 bytes for an array of \(5,\), got 4"),
        ("a", _idx(np.zeros(5)) + b"x", r"expected 5 bytes for an array of \(5,\), got 6"),
    ],
    # Bytes are no names: gzip writes the time of day into them.
    ids=["empty gz", "gz head", "cut gz", "empty", "two axes", "cut head", "short", "long"],
)
def test_a_wrong_idx_file_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RncGraphError, match=message):
        read_idx(tmp_path / name, 1)


def test_wrong_files_of_fashion_mnist_are_refused(cache: Path, fashion: Path) -> None:
    labels = fashion / "train-labels-idx1-ubyte"
    labels.write_bytes(_idx(np.arange(11)))
    with pytest.raises(RncGraphError, match="expected 12 labels, got 11"):
        load_fashion_mnist(fashion)
    labels.write_bytes(_idx(np.arange(12)))
    with pytest.raises(RncGraphError, match="expected labels of 0 to 9, got 11"):
        load_fashion_mnist(fashion)
    content = gzip.compress(_idx(np.zeros((12, 32, 32))))
    (fashion / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(RncGraphError, match=r"expected images of \(28, 28\), got \(32, 32\)"):
        load_fashion_mnist(fashion)


def test_cifar_by_torchvision(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar100(tmp_path, monkeypatch)
    data = load_class_images("cifar100", tmp_path)
    assert data.images.shape == (3, 32, 32)
    assert data.table.labels.tolist() == [*range(8), *range(4)]
    assert data.table.published_split is not None
    assert data.table.published_split.tolist() == ["train"] * 8 + ["test"] * 4
    assert len(superclass_of(data.table.classes, CIFAR100_SUPERCLASSES)) == 100
    theirs = datasets.CIFAR100(tmp_path, train=False).data
    found = data.images.batch(torch.arange(8, 12)).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(found, theirs)


def test_stl_by_torchvision(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stl10(tmp_path, monkeypatch, train=(1, 2, 10), test=(3, 3))
    data = load_class_images("stl10", tmp_path)
    assert data.images.shape == (3, 96, 96)
    assert data.table.labels.tolist() == [0, 1, 9, 2, 2]
    assert data.table.classes[0] == "class 0"
    theirs = datasets.STL10(tmp_path, split="train").data
    assert np.array_equal(data.images.batch(torch.arange(3)).numpy(), theirs)


def test_class_images_are_resized_and_spaced(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar100(tmp_path, monkeypatch, train=9, test=3)
    whole = load_class_images("cifar100", tmp_path)
    some = load_class_images("cifar100", tmp_path, size=8, samples=4)
    assert some.images.shape == (3, 8, 8)
    assert some.table.rows.tolist() == [1, 4, 8, 12]
    assert some.table.labels.tolist() == [0, 3, 7, 2]
    kept = whole.images.batch(torch.tensor([0, 3, 7, 11]))
    theirs = v2.functional.resize(kept, [8, 8], antialias=True)
    assert (some.images.batch(torch.arange(4)).int() - theirs.int()).abs().max() <= 1


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "stl10"])
def test_nothing_is_downloaded(tmp_path: Path, name: str) -> None:
    with pytest.raises(RncGraphError, match=rf"{name}: is not complete.*get https://.*gz") as told:
        load_class_images(name, tmp_path)
    # Neither a spec nor a command can download it.
    assert "download=True" not in str(told.value)
    assert "allow the download" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_archive_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar100(tmp_path, monkeypatch)
    (tmp_path / "cifar-100-python" / "train").write_bytes(b"cbuiltins\nprint\n.")
    with pytest.raises(RncGraphError, match="is not complete"):
        load_class_images("cifar100", tmp_path)


def test_an_unknown_set(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'mnist'; known: cifar10, cifar100, stl10"):
        load_class_images("mnist", tmp_path)


def test_a_folder_a_class(cache: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "b" / "1.png")
    write_image(tmp_path / "a" / "deep" / "2.jpg")
    write_image(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    table = folder_table(tmp_path)
    assert table.classes == ("a", "b")
    assert table.labels.tolist() == [0, 0, 1]
    assert table.published_split is None
    theirs = datasets.ImageFolder(tmp_path, allow_empty=True)
    assert {p for p, _ in theirs.samples} == set(table.images)
    # Neither a copy that a notebook keeps nor what macOS writes beside a file.
    write_image(tmp_path / "a" / ".ipynb_checkpoints" / "1-checkpoint.png")
    (tmp_path / "b" / "._1.png").write_bytes(b"no image")
    assert folder_table(tmp_path).images == table.images
    assert load_images(table, Decoding(8)).images.shape == (3, 8, 8)


def test_a_folder_of_parts(tmp_path: Path) -> None:
    for part, name in (("train", "a"), ("train", "b"), ("val", "b"), ("test", "a")):
        write_image(tmp_path / part / name / "1.png")
    table = folder_table(tmp_path)
    assert table.labels.tolist() == [0, 1, 1, 0]
    assert table.published_split is not None
    assert table.published_split.tolist() == ["train", "train", "val", "test"]
    write_image(tmp_path / "val" / "c" / "1.png")
    with pytest.raises(RncGraphError, match="no class 'c' in train"):
        folder_table(tmp_path)


def test_folders_without_classes_or_images(tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match="there is no such folder"):
        folder_table(tmp_path / "none")
    with pytest.raises(RncGraphError, match="expected a subfolder for each class"):
        folder_table(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(RncGraphError, match="a: has no images"):
        folder_table(tmp_path)


def test_lists_without_any_image_say_how_to_get_them(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a.png 0\nb.png 1\n")
    lists = {"train": tmp_path / "train.txt"}
    source = ClassFolders(images="folder", folder=tmp_path, lists=lists, how_to_get="ask the zoo")
    with pytest.raises(RncGraphError, match=r"none of 2 images; .*a\.png.*; ask the zoo"):
        source.load()


def test_lists_of_files(tmp_path: Path) -> None:
    train, val = tmp_path / "train.txt", tmp_path / "val.txt"
    lines = "train/n01/a b.JPEG 0\ntrain/n02/c.JPEG 2\n\ntrain/e.JPEG 1\n"
    train.write_text(lines, encoding="utf-8-sig")  # As an editor of Windows saves it.
    val.write_text("val/d.JPEG 1\n")
    table = list_table({"train": train, "val": val}, tmp_path)
    assert table.images[0] == str(tmp_path / "train/n01/a b.JPEG")
    assert table.labels.tolist() == [0, 2, 1, 1]
    assert table.classes == ("0", "1", "2")
    assert table.published_split is not None
    assert table.published_split.tolist() == ["train", "train", "train", "val"]
    assert list_table({"train": train}, tmp_path, ["x", "y", "z"]).classes == ("x", "y", "z")
    with pytest.raises(
        RncGraphError, match=r"train.txt, line 2: expected a class of 0 to 1, got 2"
    ):
        list_table({"train": train}, tmp_path, ["x", "y"])
    with pytest.raises(RncGraphError, match="expected train, val, test, got 'dev'"):
        list_table({"dev": train}, tmp_path)
    train.write_text(train.read_text() + "x.png 20000000\n")
    with pytest.raises(
        RncGraphError, match=r"classes 0 to 20000000, and class 3 has no image here"
    ):
        list_table({"train": train, "val": val}, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.jpg 0\nb.jpg\n", r"line 2: expected 'path label', got 'b.jpg'"),
        ("a.jpg x\n", r"line 1: .*got 'a.jpg x'"),
        ("a.jpg -1\n", r"line 1"),
        ("\n\n", "has no lines"),
    ],
)
def test_wrong_lists_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "train.txt").write_text(content)
    with pytest.raises(RncGraphError, match=message):
        list_table({"train": tmp_path / "train.txt"}, tmp_path)
    with pytest.raises(RncGraphError, match=r"none\.txt"):
        list_table({"train": tmp_path / "none.txt"}, tmp_path)
