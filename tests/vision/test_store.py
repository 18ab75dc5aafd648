import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from rnc_graph.data import Loader, Subset
from rnc_graph.errors import RncGraphError
from rnc_graph.vision import ImageTable, PackedImages, packed_array
from rnc_graph.workers import worker_pool

PIXELS = torch.randint(0, 256, (7, 5, 6, 3), dtype=torch.uint8)


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackedImages:
    monkeypatch.setenv("RNC_GRAPH_CACHE", str(tmp_path))
    return packed_array(PIXELS.numpy())


def _second(images: PackedImages) -> torch.Tensor:
    return images.batch(torch.tensor([1]))


def test_a_batch_is_the_images_asked_for(mapped: PackedImages) -> None:
    index = torch.tensor([6, 0, 6])
    for images in (mapped, PackedImages(PIXELS)):
        batch = images.batch(index)
        assert len(images) == 7
        assert images.shape == (3, 5, 6)
        assert batch.shape == (3, 3, 5, 6)
        assert batch.dtype == torch.uint8
        assert batch.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(batch, PIXELS[index].permute(0, 3, 1, 2))


def test_a_batch_is_a_copy(mapped: PackedImages) -> None:
    mapped.batch(torch.arange(7)).zero_()
    assert torch.equal(mapped.batch(torch.arange(7)), PIXELS.permute(0, 3, 1, 2))


def test_some_of_some(mapped: PackedImages) -> None:
    some = mapped.take(torch.tensor([5, 3, 1])).take(torch.tensor([2, 0]))
    assert len(some) == 2
    assert torch.equal(some.batch(torch.tensor([0, 1])), mapped.batch(torch.tensor([1, 5])))
    again = pickle.loads(pickle.dumps(some))
    assert torch.equal(again.batch(torch.tensor([1])), mapped.batch(torch.tensor([5])))


def test_a_mapped_file_crosses_by_its_path(cache: Path) -> None:
    images = packed_array(np.zeros((100, 10, 100, 3), np.uint8))
    content = pickle.dumps(images)
    assert len(content) < 1_000
    (path,) = cache.glob("*/pixels")
    path.write_bytes(bytes(299_999))
    with pytest.raises(RncGraphError, match="cannot map images of shape"):
        pickle.loads(content)
    path.unlink()
    with pytest.raises(RncGraphError, match="No such file"):
        pickle.loads(content)


@pytest.mark.slow
def test_in_memory_and_mapped_images_reach_another_process(mapped: PackedImages) -> None:
    with worker_pool(1, "nothing") as pool:
        for images in (mapped, PackedImages(PIXELS)):
            assert torch.equal(pool.submit(_second, images).result(), _second(images))


def test_no_images_at_all(cache: Path) -> None:
    images = packed_array(np.zeros((0, 5, 6, 3), np.uint8))
    for found in (images, pickle.loads(pickle.dumps(images))):
        assert found.batch(torch.empty(0, dtype=torch.long)).shape == (0, 3, 5, 6)


@pytest.mark.parametrize(
    "wrong", [PIXELS.float(), PIXELS[0], PIXELS.permute(0, 3, 1, 2), PIXELS[..., :2]]
)
def test_other_tensors_are_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(RncGraphError, match=r"expected a uint8 tensor \(N, H, W, C\)"):
        PackedImages(wrong)


def test_the_loader_of_graphs_takes_images(mapped: PackedImages) -> None:
    batches = Loader(Subset(mapped, torch.arange(7), torch.zeros(7, 1)), 4, views=2)
    assert [inputs.shape[0] for inputs, _ in batches] == [8, 6]


def test_a_table_keeps_the_numbers_of_its_rows() -> None:
    table = ImageTable(
        "mine",
        list("abcd"),
        np.arange(4.0)[:, None],
        ["class"],
        published_split=np.array(["train", "val", "train", "test"]),
        classes=("w", "x", "y", "z"),
    )
    assert table.rows.tolist() == [1, 2, 3, 4]
    some = table.take(np.array([3, 2])).take(np.array([1]))
    assert (some.images, some.rows.tolist(), some.labels.tolist()) == (["c"], [3], [2])
    assert some.published_split is not None
    assert some.published_split.tolist() == ["train"]
