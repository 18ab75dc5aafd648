import errno
import json
import os
import random
import re
import resource
import shutil
from pathlib import Path

import pytest
import torch

from rnc_graph.errors import FileError, RncGraphError, UnknownNameError, WriteError
from rnc_graph.experiments import store
from rnc_graph.experiments.store import (
    DamagedFileError,
    Store,
    digest,
    locked,
    read_sealed,
    sealed_text,
)
from rnc_graph.workers import worker_pool
from tests.data.damage import flip_bits


def test_what_goes_in_comes_out(tmp_path: Path):
    store = Store(tmp_path)
    tensors = {"b": torch.arange(6).view(2, 3).T, "a": torch.rand(2, dtype=torch.float64)}
    store.put("key", {"value": 0.1}, tensors)
    assert store.has("key")
    assert store.record("key") == {"value": 0.1}
    found = store.tensors("key")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["key"]


def test_a_failed_write_leaves_nothing(tmp_path: Path):
    store = Store(tmp_path)
    with pytest.raises(TypeError):
        store.put("key", {"value": object()}, {})
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_large_to_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "_MOST_BYTES", 1000)
    with pytest.raises(WriteError, match="key: expected results of at most 1,000 bytes, got 8,0"):
        Store(tmp_path).put("key", {}, {"a": torch.zeros(1000, dtype=torch.float64)})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path):
    with worker_pool(1, "lost") as pool:
        error = pool.submit(_put_on_a_full_disk, tmp_path).exception()
    assert isinstance(error, WriteError)
    assert "cannot write results here" in str(error)
    assert list(tmp_path.iterdir()) == []


def _put_on_a_full_disk(folder: Path) -> None:
    # A limit on the size of files fails a write as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    Store(folder).put("key", {}, {"a": torch.zeros(100_000)})


@pytest.fixture
def stored(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    record = {"metrics": {"test": {"rmse": 0.731, "r2": float("nan")}}, "by_class": {2: 1, 10: 2}}
    store.put("good", record, {"a": torch.rand(40)})
    store.put("bad", record, {"a": torch.rand(40)})
    return store


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace("0.731", "0.131"))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("record.json", _edit),
        ("record.json", _truncate),
        ("record.json", lambda path: path.write_text("[" * 100_000)),
        ("record.json", lambda path: path.write_text("[]")),
        ("record.json", lambda path: path.write_bytes(b"")),
        ("record.json", Path.unlink),
        ("tensors.safetensors", _truncate),
        ("tensors.safetensors", Path.unlink),
    ],
)
def test_a_damaged_entry_is_named_and_computed_again(stored: Store, name: str, damage) -> None:
    path = stored.folder / "bad" / name
    damage(path)
    with pytest.raises(RncGraphError, match=re.escape(str(path))):
        stored.tensors("bad")
    if name == "record.json":
        with pytest.raises(RncGraphError, match=re.escape(str(path))):
            stored.record("bad")
    told: list[str] = []
    assert stored.discard_damaged(["good", "bad", "missing"], told.append) == {"bad"}
    assert stored.keys() == {"good"}
    assert str(path) in told[0]
    stored.put("bad", {"value": 1}, {})
    assert stored.record("bad") == {"value": 1}


def test_a_record_belongs_to_its_key(stored: Store) -> None:
    for name in ("record.json", "tensors.safetensors"):
        content = (stored.folder / "good" / name).read_bytes()
        (stored.folder / "bad" / name).write_bytes(content)
    with pytest.raises(DamagedFileError, match="its digest differs"):
        stored.record("bad")


def test_an_entry_that_is_a_file_or_a_fifo(stored: Store) -> None:
    shutil.rmtree(stored.folder / "bad")
    (stored.folder / "bad").write_text("")
    (stored.folder / "good" / "record.json").unlink()
    os.mkfifo(stored.folder / "good" / "record.json")
    assert stored.discard_damaged(["good", "bad"], lambda text: None) == {"good", "bad"}
    assert stored.keys() == set()


def test_an_entry_that_cannot_be_read_just_now_stays(
    stored: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many(path: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    monkeypatch.setattr(Path, "read_bytes", too_many)
    with pytest.raises(FileError, match="Too many open files"):
        stored.discard_damaged(["good"], print)
    monkeypatch.undo()
    assert stored.has("good")


def test_200_damaged_entries_are_refused(stored: Store) -> None:
    """Bits flipped anywhere in an entry, with a fixed seed."""
    entry = stored.folder / "good"
    whole = {path: path.read_bytes() for path in entry.iterdir()}
    draw = random.Random(0)
    for _ in range(200):
        flip_bits(entry, draw)
        with pytest.raises(RncGraphError, match="good"):
            stored.tensors("good")
        for path, content in whole.items():
            path.write_bytes(content)
    assert torch.is_tensor(stored.tensors("good")["a"])


def test_a_sealed_file_has_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(sealed_text({"runs": [1, 2]}, "a.json"))
    assert read_sealed(tmp_path / "a.json", "a.json") == {"runs": [1, 2]}
    with pytest.raises(DamagedFileError):
        read_sealed(tmp_path / "a.json", "b.json")


def test_the_digest_depends_on_content_not_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_the_lock_is_for_one_and_clears_what_was_left(tmp_path: Path):
    leftover = tmp_path / ".unfinished-key-1"
    leftover.mkdir(parents=True)
    with locked(tmp_path):
        assert not leftover.exists()
        with pytest.raises(RncGraphError, match="another process"), locked(tmp_path):
            pass
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_to(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RncGraphError, match="cannot write results here"), locked(tmp_path / "file"):
        pass


def test_errors_cross_between_processes():
    import pickle

    error = pickle.loads(pickle.dumps(UnknownNameError("loss", "x", ["rnc"])))
    assert isinstance(error, RncGraphError)
    assert str(error) == "unknown loss 'x'; known: rnc"
    assert json.dumps(str(error))
