import pickle
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as V

from rnc_graph.data.cache import DamagedCacheWarning
from rnc_graph.errors import FileError, RncGraphError
from rnc_graph.vision import Decoding, ImageData, ImageTable, PackedImages, load_images, store
from rnc_graph.vision import data as module
from rnc_graph.vision.data import decoded_images
from rnc_graph.vision.decoding import decode, decode_all
from rnc_graph.vision.store import packed_array
from tests.data.damage import flip_bits
from tests.vision.conftest import write_image

EIGHT = Decoding(8)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note down each use of the decoder."""
    seen: list[int] = []

    def counted(paths: Sequence[str], decoding: Decoding) -> Any:
        seen.append(len(paths))
        return decode_all(paths, decoding)

    monkeypatch.setattr(module, "decode_all", counted)
    return seen


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Seven, of which the third is corrupt, the fifth cut, and the last missing."""
    paths = [write_image(tmp_path / "files" / f"{i}.png", i) for i in range(6)]
    paths[2].write_bytes(b"no image")
    paths[4].write_bytes(paths[4].read_bytes()[:200])
    return [*paths, tmp_path / "files" / "6.png"]


Packed = tuple[PackedImages, dict[int, str]]


def _assert_right(packed: Packed, files: list[Path]) -> None:
    pixels, bad = decode_all([str(file) for file in files], EIGHT)
    found = packed[0].batch(torch.arange(len(files)))
    assert np.array_equal(found.permute(0, 2, 3, 1).numpy(), pixels)
    assert packed[1] == bad


def test_files_are_decoded_once(cache: Path, files: list[Path], calls: list[int]) -> None:
    told: list[int] = []
    _assert_right(decoded_images(files, EIGHT, on_done=told.append), files)
    _assert_right(decoded_images(files, EIGHT, on_done=told.append), files)
    assert (calls, told) == ([7], [7, 7])
    (entry,) = cache.iterdir()  # And nothing temporary beside it.
    assert sorted(p.name for p in entry.iterdir()) == ["index.json", "notes.json", "pixels"]


def test_bad_images_are_named_and_cost_no_others(cache: Path, files: list[Path]) -> None:
    images, bad = decoded_images(files, EIGHT)
    assert list(bad) == [2, 4, 6]
    assert bad[2].startswith("cannot be read as an image")
    assert bad[6] == "is missing"
    assert not images.batch(torch.tensor([2, 4, 6])).any()


def test_a_changed_file_is_decoded_anew(cache: Path, files: list[Path], calls: list[int]) -> None:
    decoded_images(files, EIGHT)
    write_image(files[2], 9)
    assert list(decoded_images(files, EIGHT)[1]) == [4, 6]
    decoded_images(files[::-1], EIGHT)
    decoded_images(files, Decoding(9))
    assert calls == [7] * 4


@pytest.mark.slow
def test_flipped_bits_cost_time_only(cache: Path, files: list[Path]) -> None:
    draw = random.Random(0)
    for _ in range(200):
        decoded_images(files, EIGHT)
        (entry,) = cache.iterdir()
        flip_bits(entry, draw)
        with pytest.warns(DamagedCacheWarning):
            _assert_right(decoded_images(files, EIGHT), files)


@pytest.mark.slow
def test_parts_and_processes_change_nothing(
    cache: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_CHUNK", 2)
    monkeypatch.setattr(store, "_WORTH_PROCESSES", 0)
    told: list[int] = []
    packed = decoded_images(files, EIGHT, jobs=2, on_done=told.append)
    assert told == [2, 2, 2, 1]
    _assert_right(packed, files)
    _assert_right(pickle.loads(pickle.dumps(packed)), files)


def test_a_full_disk_costs_time_only(
    cache: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_CHUNK", 2)
    real, written = Path.open, []

    def open_until_full(path: Path, *arguments: Any, **options: Any) -> Any:
        if arguments[:1] == ("ab",):
            written.append(path)
            if len(written) > 2:
                raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_until_full)
    _assert_right(decoded_images(files, EIGHT), files)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNC_GRAPH_CACHE", str(files[0] / "cache"))
    _assert_right(decoded_images(files, EIGHT), files)


def test_arrays_are_mapped_from_the_cache(cache: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 4, 4, 1), dtype=np.uint8)
    for _ in range(2):
        images = packed_array(pixels)
        assert np.array_equal(images.batch(torch.arange(300))[:, 0].numpy(), pixels[..., 0])
        assert len(pickle.dumps(images)) < 1_000
    assert len(list(cache.iterdir())) == 1
    packed_array(pixels[::-1])
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("size", [(20, 16), (16, 40), (8, 8), (3, 5)])
def test_an_image_is_resized_with_antialiasing(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_image(tmp_path / "a.png", size=size)
    with Image.open(path) as image:
        whole = V.pil_to_tensor(image)
    # The middle of the longer side, at the scale of the shorter one.
    short = min(size)
    left, top = (size[0] - short) / 2, (size[1] - short) / 2
    if left.is_integer() and top.is_integer():
        middle = V.resized_crop(whole, int(top), int(left), short, short, [8, 8], antialias=True)
        found = decode(path, Decoding(8))
        if size[0] == size[1]:
            assert np.abs(found.astype(int) - middle.permute(1, 2, 0).numpy()).max() <= 1
        else:  # Antialiasing sees a little beyond the cut.
            inner = np.abs(found.astype(int) - middle.permute(1, 2, 0).numpy())[2:-2, 2:-2]
            assert inner.max() <= 1
    assert found.shape == (8, 8, 3)
    assert found.dtype == np.uint8


def test_an_image_stands_as_its_camera_was_held(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:, 4:] = 255  # White on the right; the tag says to turn it a quarter clockwise.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    found = decode(tmp_path / "a.png", EIGHT)
    assert not found[:4].any()
    assert (found[4:] == 255).all()


def test_a_transparent_image_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    image.save(tmp_path / "a.png")
    found = decode(tmp_path / "a.png", EIGHT)
    assert not found[:, :4].any()
    assert (found[:, 4:] == 255).all()


@pytest.mark.parametrize(
    ("dtype", "suffix", "mode"),
    [("uint16", "png", "I;16"), ("uint16", "tif", "I;16"), ("float32", "tif", "F")],
)
def test_pixels_of_more_than_8_bits_are_refused(
    tmp_path: Path, dtype: str, suffix: str, mode: str
) -> None:
    """Pillow would cut them off at 255: all white."""
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.linspace(0, 60_000, 64).astype(dtype).reshape(8, 8)).save(path)
    with pytest.raises(RncGraphError, match=f"expected 8 bits a channel, got Pillow's mode {mode}"):
        decode(path, EIGHT)


def test_an_error_that_may_pass_is_not_kept(
    cache: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Image, "open", fail)
        with pytest.raises(FileError, match="cannot be read: Input/output error"):
            decoded_images(files, EIGHT)
    _assert_right(decoded_images(files, EIGHT), files)


def test_gray_images_of_colors_and_colors_of_gray(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    assert decode(path, Decoding(8, gray=True)).shape == (8, 8, 1)
    Image.new("L", (9, 9), 77).save(tmp_path / "gray.png")
    assert (decode(tmp_path / "gray.png", EIGHT) == 77).all()
    Image.new("CMYK", (9, 9), (0, 0, 0, 0)).save(tmp_path / "cmyk.jpg")
    assert (decode(tmp_path / "cmyk.jpg", EIGHT) == 255).all()


def test_wrong_decodings_are_refused() -> None:
    with pytest.raises(RncGraphError, match="size of images: expected at least 1 pixel, got 0"):
        Decoding(0)


def _load(files: list[Path], bad: Any) -> ImageData:
    names = [str(file) for file in files]
    table = ImageTable("mine", names, np.arange(7.0)[:, None], ["y"]).take(np.arange(1, 7))
    return load_images(table, EIGHT, on_bad=bad)


def test_bad_images_are_skipped_or_refused(cache: Path, files: list[Path]) -> None:
    data = _load(files, "skip")
    assert data.table.targets[:, 0].tolist() == [1, 3, 5]
    assert data.table.rows.tolist() == [2, 4, 6]
    assert len(data) == len(data.images) == 3
    expected = decode(files[3], EIGHT)
    found = data.images.batch(torch.tensor([1]))[0].permute(1, 2, 0).numpy()
    assert np.array_equal(found, expected)
    assert [b.row for b in data.skipped] == [3, 5, 7]
    assert [b.found for b in data.skipped] == [str(files[row]) for row in (2, 4, 6)]
    with pytest.raises(RncGraphError) as caught:
        _load(files, "raise")
    lines = str(caught.value).splitlines()
    assert lines[0] == "mine: 3 rows cannot be used"
    assert lines[1].startswith(f"  row 3: '{files[2]}': cannot be read as an image")
    assert lines[3] == f"  row 7: '{files[6]}': is missing"
    with pytest.raises(RncGraphError, match="expected on_bad 'raise' or 'skip', got 'drop'"):
        _load(files, "drop")


def test_all_bad_is_refused_even_so(cache: Path, files: list[Path]) -> None:
    with pytest.raises(RncGraphError, match="no image is left"):
        load_images(
            ImageTable("mine", [str(files[2])], np.zeros((1, 1)), ["y"]), EIGHT, on_bad="skip"
        )
