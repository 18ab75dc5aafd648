from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from rnc_graph.data import MoleculeData, MoleculeTable, PackedGraphs, cache, featurise
from rnc_graph.data.cache import cache_dir, packed_graphs
from rnc_graph.errors import RncGraphError

SMILES = ["CC", "C", "c1ccccc1O"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "deep" / "cache"
    monkeypatch.setenv("RNC_GRAPH_CACHE", str(path))
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note down each use of the featuriser."""
    seen: list[int] = []

    def counted(smiles: Sequence[str]) -> object:
        seen.append(len(smiles))
        return featurise(smiles)

    monkeypatch.setattr(cache, "featurise", counted)
    return seen


def _assert_same(a: PackedGraphs, b: PackedGraphs) -> None:
    for name, tensor in a.tensors().items():
        assert tensor.dtype == b.tensors()[name].dtype, name
        assert torch.equal(tensor, b.tensors()[name]), name


def _assert_right(graphs: PackedGraphs, smiles: list[str] = SMILES) -> None:
    _assert_same(graphs, featurise(smiles)[0])


def test_the_second_call_reads_the_file(folder: Path, calls: list[int]) -> None:
    _assert_right(packed_graphs(SMILES, "mine"))
    (file,) = folder.iterdir()  # And nothing temporary beside it.
    assert file.suffix == ".safetensors"
    _assert_right(packed_graphs(SMILES, "mine"))
    assert calls == [3]


@pytest.mark.parametrize("left", [0, 7, 8, 200, -1])
def test_a_cut_file_costs_time_only(folder: Path, calls: list[int], left: int) -> None:
    packed_graphs(SMILES, "mine")
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:left])
    _assert_right(packed_graphs(SMILES, "mine"))
    assert calls == [3, 3]
    assert file.read_bytes() == whole  # It is mended.


def test_a_file_with_other_tensors_costs_time_only(folder: Path, calls: list[int]) -> None:
    from safetensors.torch import save_file

    packed_graphs(SMILES, "mine")
    (file,) = folder.iterdir()
    save_file({"other": torch.zeros(1)}, file)
    _assert_right(packed_graphs(SMILES, "mine"))
    assert calls == [3, 3]


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder can be made below a file")
    monkeypatch.setenv("RNC_GRAPH_CACHE", str(tmp_path / "file" / "cache"))
    _assert_right(packed_graphs(SMILES, "mine"))


@pytest.mark.parametrize(
    "other", [["CC", "C"], ["C", "CC", "c1ccccc1O"], [*SMILES, "O"], ["CC\nC\nc1ccccc1O"]]
)
def test_other_smiles_go_to_another_file(folder: Path, other: list[str]) -> None:
    packed_graphs(SMILES, "mine")
    _assert_right(packed_graphs(other, "mine"), other)
    assert len(list(folder.iterdir())) == 2


def test_another_featuriser_goes_to_another_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed_graphs(SMILES, "mine")
    monkeypatch.setattr(cache, "FEATURISER", "ogb-2")
    packed_graphs(SMILES, "mine")
    assert len(list(folder.iterdir())) == 2


def test_bad_smiles_are_listed_and_nothing_is_kept(folder: Path) -> None:
    with pytest.raises(RncGraphError) as caught:
        packed_graphs(["CC", "C(C", "CN(C)(C)(C)C"], "mine.csv")
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("mine.csv: 2 SMILES cannot be read")
    assert second == "  row 2: 'C(C': not a valid SMILES"
    assert third.startswith("  row 3: 'CN(C)(C)(C)C': ")
    assert "valence" in third
    assert not folder.exists()


def test_of_many_bad_smiles_ten_are_listed() -> None:
    with pytest.raises(RncGraphError) as caught:
        packed_graphs(["?"] * 12, "mine.csv")
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert "12 SMILES" in lines[0]
    assert lines[-1] == "  and 2 more"


def test_a_table_is_featurised_row_by_row(folder: Path) -> None:
    table = MoleculeTable("mine", SMILES, torch.zeros(3, 1).numpy(), ["y"])
    _assert_right(MoleculeData.from_table(table).graphs)
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
