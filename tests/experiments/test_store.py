import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.experiments.store import Store, digest, locked


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


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path):
    # A limit on the size of files fails a write as a full disk does, in a process of its own.
    code = (
        "import sys, torch; from pathlib import Path\n"
        "from rnc_graph.experiments.store import Store\n"
        "Store(Path(sys.argv[1])).put('key', {}, {'a': torch.zeros(100_000)})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert "cannot write results here" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


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
