import json
import os
import random
import resource
import shutil
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnc_graph.data import GraphDataset, MoleculeDataset, MoleculeTable, features
from rnc_graph.data.cache import (
    DamagedCacheWarning,
    Entry,
    Layout,
    _temporary,
    cache_dir,
    cached,
    stored,
)
from rnc_graph.data.features import MoleculeFeatures, featurize, molecule_features, packed_graphs
from rnc_graph.data.featurizer import FeaturizerConfig, MoleculeArrays, molecule_arrays
from rnc_graph.data.smiles import BadMolecule
from rnc_graph.errors import FileError, RncGraphError
from rnc_graph.workers import worker_pool
from tests.data.damage import flip_bits

SMILES = ["CC", "C", "c1ccccc1O"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "deep" / "cache"
    monkeypatch.setenv("RNC_GRAPH_CACHE", str(path))
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note down each use of the featurizer."""
    seen: list[int] = []

    def counted(
        smiles: Sequence[str], config: FeaturizerConfig, counts: Sequence[str] = ()
    ) -> MoleculeArrays:
        seen.append(len(smiles))
        return molecule_arrays(smiles, config, counts)

    monkeypatch.setattr(features, "molecule_arrays", counted)
    return seen


def _assert_same(a: GraphDataset, b: GraphDataset) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.to_dict().keys() == other.to_dict().keys()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.to_dict().items())


def _assert_right(graphs: GraphDataset, smiles: list[str] = SMILES) -> None:
    _assert_same(graphs, featurize(smiles)[0])


def test_the_second_call_reads_the_files(folder: Path, calls: list[int]) -> None:
    _assert_right(packed_graphs(SMILES, "mine"))
    (entry,) = folder.iterdir()  # And nothing temporary beside it.
    assert entry.is_dir()
    calls.clear()
    _assert_right(packed_graphs(SMILES, "mine"))
    assert calls == [3]  # The comparison's own.


LAYOUT: Layout = {"pairs": (np.int32, (2,)), "letters": (np.uint8, ())}
PARTS = [
    Entry(
        {
            "pairs": np.arange(4, dtype=np.int32).reshape(2, 2),
            "letters": np.frombuffer(b"ab", "u1"),
        },
        {"names": ["a", "b"]},
    ),
    Entry({"pairs": np.full((1, 2), 7, np.int32), "letters": np.empty(0, np.uint8)}, {"names": []}),
]


def _assert_whole(entry: Entry | None) -> None:
    assert entry is not None
    assert entry.arrays["pairs"].tolist() == [[0, 1], [2, 3], [7, 7]]
    assert entry.arrays["pairs"].dtype == np.int32
    assert entry.arrays["letters"].tobytes() == b"ab"
    assert entry.notes == {"names": ["a", "b"]}


@pytest.mark.parametrize("name", ["pairs", "letters", "notes.json", "index.json"])
@pytest.mark.parametrize("left", [0, 1, -1, None])
def test_a_cut_or_lost_file_costs_time_only(folder: Path, name: str, left: int | None) -> None:
    cached("mine", LAYOUT, lambda: PARTS)
    path = folder / "mine" / name
    whole = path.read_bytes()
    if left is None:
        path.unlink()
    else:
        path.write_bytes(whole[:left])
    with pytest.warns(DamagedCacheWarning, match="mine: damaged cache entry"):
        _assert_whole(cached("mine", LAYOUT, lambda: PARTS))
    assert path.read_bytes() == whole  # It is mended.
    _assert_whole(stored("mine", LAYOUT))
    assert [entry.name for entry in folder.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"[" * 60_000,
        b"[]",
        b"null",
        b'{"pairs": [1099511627776, 0]}',
        b'{"pairs": ["24", null], "letters": 7, "notes.json": []}',
        b"x" * 2**17,
    ],
)
def test_a_hostile_index_is_refused(folder: Path, index: bytes) -> None:
    cached("mine", LAYOUT, lambda: PARTS)
    path = folder / "mine" / "index.json"
    path.write_bytes(b"%08x\n%b" % (zlib.crc32(index), index))
    assert stored("mine", LAYOUT) is None
    with pytest.warns(DamagedCacheWarning):
        _assert_whole(cached("mine", LAYOUT, lambda: PARTS))


def test_notes_that_are_nested_too_deep_are_refused(folder: Path) -> None:
    cached("mine", LAYOUT, lambda: PARTS)
    _, index = (folder / "mine" / "index.json").read_bytes().split(b"\n")
    notes = b"[" * 1_000_000
    files = {**json.loads(index), "notes.json": [len(notes), zlib.crc32(notes)]}
    index = json.dumps(files).encode()
    (folder / "mine" / "index.json").write_bytes(b"%08x\n%b" % (zlib.crc32(index), index))
    (folder / "mine" / "notes.json").write_bytes(notes)
    with pytest.warns(DamagedCacheWarning, match="recursion"):
        _assert_whole(cached("mine", LAYOUT, lambda: PARTS))


def test_a_pipe_or_folder_for_a_file_is_refused(folder: Path) -> None:
    for make in (os.mkfifo, os.mkdir):
        cached("mine", LAYOUT, lambda: PARTS)
        (folder / "mine" / "letters").unlink()
        make(folder / "mine" / "letters")
        with pytest.warns(DamagedCacheWarning, match="letters: expected 2 bytes"):
            _assert_whole(cached("mine", LAYOUT, lambda: PARTS))


def test_what_a_killed_process_left_is_removed(folder: Path) -> None:
    (folder / ".mine.killed.tmp").mkdir(parents=True)
    (folder / ".other.killed.tmp").mkdir()
    _assert_whole(cached("mine", LAYOUT, lambda: PARTS))
    assert {entry.name for entry in folder.iterdir()} == {"mine", ".other.killed.tmp"}


def test_an_error_leaves_nothing_behind(folder: Path) -> None:
    def make() -> Iterator[Entry]:
        yield PARTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("mine", LAYOUT, make)
    assert list(folder.iterdir()) == []


def _make_slowly(log: Path) -> int:
    def make() -> Iterator[Entry]:
        with log.open("a") as file:
            file.write("made\n")
        yield from PARTS

    return len(cached("mine", LAYOUT, make).arrays["pairs"])


@pytest.mark.slow
def test_of_many_processes_one_writes(folder: Path, tmp_path: Path) -> None:
    with worker_pool(2, "nothing") as pool:
        found = list(pool.map(_make_slowly, [tmp_path / "log"] * 6))
    assert found == [3] * 6
    assert (tmp_path / "log").read_text() == "made\n"


def _wait_for_lock(found: list[bool]) -> None:
    with _temporary(cache_dir() / "mine") as temporary:
        found.append(temporary is not None)
        found.append((cache_dir() / ".mine.lock").exists())


def test_a_lock_that_was_removed_meanwhile_is_taken_anew(folder: Path) -> None:
    found: list[bool] = []
    waiting = threading.Thread(target=_wait_for_lock, args=(found,))
    with _temporary(folder / "mine"):
        waiting.start()
        waiting.join(0.2)
        assert found == []
    waiting.join()
    assert found == [True, True]


def test_an_entry_whose_temporary_folder_is_removed_is_made_anew(folder: Path) -> None:
    def make() -> Iterator[Entry]:
        for number, part in enumerate(PARTS):
            if number == 1:
                for left in folder.glob(".mine.*.tmp"):
                    shutil.rmtree(left)
            yield part

    _assert_whole(cached("mine", LAYOUT, make))


def test_an_entry_may_be_removed_while_it_is_used(folder: Path) -> None:
    entry = cached("mine", LAYOUT, lambda: PARTS)
    shutil.rmtree(folder)
    _assert_whole(entry)


CONFIG = FeaturizerConfig(descriptors=True, fingerprints=True, canonical=True)


def test_all_that_is_wanted_comes_back_from_the_files(folder: Path) -> None:
    smiles = ["CCO", "C(", "c1ccccc1", "[Na+]", "*CC"]
    first, second = (molecule_features(smiles, CONFIG) for _ in range(2))
    direct = MoleculeFeatures.of(molecule_arrays(smiles, CONFIG))
    for found in (first, second):
        _assert_same(found.graphs, direct.graphs)
        np.testing.assert_array_equal(found.descriptors, direct.descriptors)
        np.testing.assert_array_equal(found.fingerprints, direct.fingerprints)
        assert found.canonical == direct.canonical == ["CCO", "", "c1ccccc1", "[Na+]", "*CC"]
        assert found.bad == direct.bad == [BadMolecule(1, "C(", "not a valid SMILES")]
        assert found.good.tolist() == [0, 2, 3, 4]


@pytest.mark.slow
def test_parts_and_processes_change_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, esol: MoleculeTable
) -> None:
    smiles = [*esol.smiles[:40], "C(", *esol.smiles[40:60]]
    whole = MoleculeFeatures.of(molecule_arrays(smiles, CONFIG))
    monkeypatch.setattr(features, "_CHUNK", 7)
    monkeypatch.setattr(features, "WORTH_PROCESSES", 0)
    told: list[int] = []
    found = molecule_features(smiles, CONFIG, jobs=2, on_done=told.append)
    assert sum(told) == len(smiles)
    _assert_same(found.graphs, whole.graphs)
    np.testing.assert_array_equal(found.descriptors, whole.descriptors)
    assert [bad.row for bad in found.bad] == [40]
    # A batch of some molecules touches no others.
    rows = torch.tensor([3, 50, 7])
    assert torch.equal(found.graphs.batch(rows).x, whole.graphs.batch(rows).x)


def test_few_file_descriptors_cost_time_only(folder: Path) -> None:
    smiles = ["CCO", "C(", "c1ccccc1"]
    direct = MoleculeFeatures.of(molecule_arrays(smiles, CONFIG))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    for number in (0, 1, 3, 6, 24):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + number, hard))
        try:
            found = molecule_features(smiles, CONFIG)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        _assert_same(found.graphs, direct.graphs)
        np.testing.assert_array_equal(found.fingerprints, direct.fingerprints)
        assert (found.bad, found.canonical) == (direct.bad, direct.canonical)


def test_a_full_disk_costs_time_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_CHUNK", 2)
    real, written = Path.open, []

    def open_until_full(path: Path, *arguments: Any, **options: Any) -> Any:
        if arguments[:1] == ("ab",):
            written.append(path)
            if len(written) > 9:
                raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_until_full)
    smiles = ["CCO", "C", "CC", "N", "C(", "O"]
    found = molecule_features(smiles, CONFIG)
    direct = MoleculeFeatures.of(molecule_arrays(smiles, CONFIG))
    _assert_same(found.graphs, direct.graphs)
    np.testing.assert_array_equal(found.descriptors, direct.descriptors)
    assert (found.bad, found.canonical) == (direct.bad, direct.canonical)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder can be made below a file")
    monkeypatch.setenv("RNC_GRAPH_CACHE", str(tmp_path / "file" / "cache"))
    _assert_right(packed_graphs(SMILES, "mine"))


@pytest.mark.parametrize(
    "other", [["CC", "C"], ["C", "CC", "c1ccccc1O"], [*SMILES, "O"], ["CC.C.c1ccccc1O"]]
)
def test_other_smiles_go_to_another_file(folder: Path, other: list[str]) -> None:
    packed_graphs(SMILES, "mine")
    _assert_right(packed_graphs(other, "mine"), other)
    assert len(list(folder.iterdir())) == 2


def test_another_featurizer_goes_to_another_file(folder: Path) -> None:
    molecule_features(SMILES, FeaturizerConfig())
    molecule_features(SMILES, FeaturizerConfig(featurizer="ogb-2"))
    molecule_features(SMILES, FeaturizerConfig(clean=True))
    assert len(list(folder.iterdir())) == 3


def test_graphs_are_taken_from_an_entry_with_more(folder: Path, calls: list[int]) -> None:
    molecule_features(SMILES, CONFIG)
    few = molecule_features(SMILES, FeaturizerConfig(canonical=True))
    assert calls == [3]
    assert few.canonical == ["CC", "C", "Oc1ccccc1"]
    assert (few.descriptors.shape, few.fingerprints.shape) == ((3, 0), (3, 0))
    _assert_same(few.graphs, featurize(SMILES)[0])


def test_molecules_too_large_for_descriptors_have_graphs_whatever_was_computed_before(
    folder: Path,
) -> None:
    smiles = ["CC", "C" * 1_001]
    described = FeaturizerConfig(descriptors=True, fingerprints=True, canonical=True)
    assert [bad.row for bad in molecule_features(smiles, described).bad] == [1]
    assert not molecule_features(smiles, FeaturizerConfig()).bad


@pytest.mark.slow
def test_flipped_bits_cost_time_only(folder: Path) -> None:
    smiles = ["CO", "C("]
    direct = MoleculeFeatures.of(molecule_arrays(smiles, CONFIG))
    draw = random.Random(0)
    for _ in range(200):
        molecule_features(smiles, CONFIG)
        (entry,) = folder.iterdir()
        flip_bits(entry, draw)
        with pytest.warns(DamagedCacheWarning):
            found = molecule_features(smiles, CONFIG)
        assert torch.equal(found.graphs.batch().x, direct.graphs.batch().x)
        np.testing.assert_array_equal(found.descriptors, direct.descriptors)
        np.testing.assert_array_equal(found.fingerprints, direct.fingerprints)
        assert (found.canonical, found.bad) == (direct.canonical, direct.bad)


def test_bad_smiles_are_listed(folder: Path) -> None:
    with pytest.raises(RncGraphError) as caught:
        packed_graphs(["CC", "C(C", "CN(C)(C)(C)C"], "mine.csv")
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("mine.csv: 2 rows cannot be used")
    assert second == "  row 2, column 'SMILES': 'C(C': not a valid SMILES"
    assert third.startswith("  row 3, column 'SMILES': 'CN(C)(C)(C)C': ")
    assert "valence" in third


def test_of_many_bad_smiles_ten_are_listed() -> None:
    with pytest.raises(RncGraphError) as caught:
        packed_graphs(["?"] * 12, "mine.csv")
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert "12 rows" in lines[0]
    assert lines[-1] == "  and 2 more"


def test_a_table_is_featurized_row_by_row(folder: Path) -> None:
    table = MoleculeTable("mine", SMILES, torch.zeros(3, 1).numpy(), ["y"])
    dataset = MoleculeDataset.from_table(table)
    assert torch.equal(dataset.batch().x, featurize(SMILES)[0].batch().x)
    assert dataset.y.tolist() == table.targets.tolist()
    assert len(list(folder.iterdir())) == 1


def test_the_folder_is_the_users_own_unless_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNC_GRAPH_CACHE", str(tmp_path / "a"))
    assert cache_dir() == tmp_path / "a"
    monkeypatch.delenv("RNC_GRAPH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_dir() == tmp_path / "b" / "rnc_graph"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "c")
    assert cache_dir() == tmp_path / "c" / ".cache" / "rnc_graph"

    def home() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(FileError, match="set the environment variable RNC_GRAPH_CACHE"):
        cache_dir()
