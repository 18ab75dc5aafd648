from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnc_graph.data import GraphDataset, MoleculeDataset, MoleculeTable, cache, features
from rnc_graph.data.cache import cache_dir, molecule_features, packed_graphs
from rnc_graph.data.features import MoleculeFeatures, featurize
from rnc_graph.data.featurizer import BadMolecule, MoleculeArrays, Wants, molecule_arrays
from rnc_graph.errors import RncGraphError

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

    def counted(smiles: Sequence[str], wants: Wants) -> MoleculeArrays:
        seen.append(len(smiles))
        return molecule_arrays(smiles, wants)

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


FILES = ["atoms", "ends", "bonds", "atom_counts", "edge_counts", "rest.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [0, 3, -1, None])
def test_a_cut_or_lost_file_costs_time_only(folder: Path, name: str, left: int | None) -> None:
    packed_graphs(SMILES, "mine")
    (entry,) = folder.iterdir()
    whole = (entry / name).read_bytes()
    if left is None:
        (entry / name).unlink()
    else:
        (entry / name).write_bytes(whole[:left])
    _assert_right(packed_graphs(SMILES, "mine"))
    assert (entry / name).read_bytes() == whole  # It is mended.


WANTS = Wants(descriptors=True, fingerprints=True, canonical=True)


def test_all_that_is_wanted_comes_back_from_the_files(folder: Path) -> None:
    smiles = ["CCO", "C(", "c1ccccc1", "[Na+]", "*CC"]
    first, second = (molecule_features(smiles, WANTS) for _ in range(2))
    direct = MoleculeFeatures.of(molecule_arrays(smiles, WANTS))
    for found in (first, second):
        _assert_same(found.graphs, direct.graphs)
        np.testing.assert_array_equal(found.descriptors, direct.descriptors)
        np.testing.assert_array_equal(found.fingerprints, direct.fingerprints)
        assert found.canonical == direct.canonical == ["CCO", "", "c1ccccc1", "[Na+]", "*CC"]
        assert found.bad == direct.bad == [BadMolecule(1, "C(", "not a valid SMILES")]
        assert found.good.tolist() == [0, 2, 3, 4]


def test_parts_and_processes_change_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, esol: MoleculeTable
) -> None:
    smiles = [*esol.smiles[:40], "C(", *esol.smiles[40:60]]
    whole = MoleculeFeatures.of(molecule_arrays(smiles, WANTS))
    monkeypatch.setattr(cache, "_CHUNK", 7)
    monkeypatch.setattr(cache, "_WORTH_PROCESSES", 0)
    told: list[int] = []
    found = molecule_features(smiles, WANTS, jobs=2, on_done=told.append)
    assert sum(told) == len(smiles)
    _assert_same(found.graphs, whole.graphs)
    np.testing.assert_array_equal(found.descriptors, whole.descriptors)
    assert [bad.row for bad in found.bad] == [40]
    # A batch of some molecules touches no others.
    rows = torch.tensor([3, 50, 7])
    assert torch.equal(found.graphs.batch(rows).x, whole.graphs.batch(rows).x)


def test_a_full_disk_costs_time_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_CHUNK", 2)
    real, written = Path.open, []

    def open_until_full(path: Path, *arguments: Any, **options: Any) -> Any:
        if arguments[:1] == ("ab",):
            written.append(path)
            if len(written) > 9:
                raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_until_full)
    smiles = ["CCO", "C", "CC", "N", "C(", "O"]
    found = molecule_features(smiles, WANTS)
    direct = MoleculeFeatures.of(molecule_arrays(smiles, WANTS))
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


def test_another_featurizer_goes_to_another_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed_graphs(SMILES, "mine")
    monkeypatch.setattr(cache, "FEATURIZER", "another")
    packed_graphs(SMILES, "mine")
    assert len(list(folder.iterdir())) == 2


def test_bad_smiles_are_listed(folder: Path) -> None:
    with pytest.raises(RncGraphError) as caught:
        packed_graphs(["CC", "C(C", "CN(C)(C)(C)C"], "mine.csv")
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("mine.csv: 2 SMILES cannot be read")
    assert second == "  row 2: 'C(C': not a valid SMILES"
    assert third.startswith("  row 3: 'CN(C)(C)(C)C': ")
    assert "valence" in third


def test_of_many_bad_smiles_ten_are_listed() -> None:
    with pytest.raises(RncGraphError) as caught:
        packed_graphs(["?"] * 12, "mine.csv")
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert "12 SMILES" in lines[0]
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
