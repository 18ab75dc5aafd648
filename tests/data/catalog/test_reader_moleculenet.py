"""MoleculeNet's files where PyTorch Geometric keeps them, from a file that the tests make."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rnc_graph.data import load_dataset
from rnc_graph.data.catalog import dataset_cards, load_named_dataset
from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.errors import RncGraphError

NAME = "pyg/esol"
FILE = """Compound ID,Minimum Degree,measured log solubility in mols per litre,smiles
ethanol,1,1.1000000000000001,CCO
"2,3-thing",1,-3.3,c1ccccc1
amine,1,0.5,CCN
"""


@pytest.fixture
def served(tmp_path: Path, data_folder: Path, small_card: Callable[..., ElsewhereCard]) -> Path:
    """The file at the data set's URL."""
    path = tmp_path / "delaney-processed.csv"
    path.write_text(FILE)
    small_card(NAME, rows=3, url=path.as_uri())
    return path


def test_a_download_lands_where_pyg_looks_for_it(served: Path, data_folder: Path) -> None:
    table = load_dataset(NAME, download=True)
    assert table.smiles == ["CCO", "c1ccccc1", "CCN"]
    assert table.targets[:, 0].tolist() == [1.1000000000000001, -3.3, 0.5]
    assert (table.name, table.unit) == (NAME, "log mol/L")
    raw = data_folder / "pyg" / "esol" / "raw" / "delaney-processed.csv"
    assert raw.read_text() == FILE
    served.unlink()
    assert load_named_dataset(NAME).given_split is None


def test_a_file_with_other_rows_is_refused(served: Path) -> None:
    served.write_text(FILE + "more,1,0.0,CCCC\n")
    with pytest.raises(RncGraphError, match=r"expected 3 rows .*, got 4"):
        load_dataset(NAME, download=True)


@pytest.mark.slow
def test_pyg_reads_the_same_file(served: Path, data_folder: Path) -> None:
    from torch_geometric.datasets import MoleculeNet

    ours = load_dataset(NAME, download=True)
    theirs = MoleculeNet(str(data_folder / "pyg"), "ESOL")
    assert [graph.smiles for graph in theirs] == ours.smiles
    for graph, target in zip(theirs, ours.targets[:, 0], strict=True):
        assert graph.y.item() == pytest.approx(target)
    cards = [card for name, card in dataset_cards().items() if name.startswith("pyg/")]
    for card in cards:
        assert isinstance(card, ElsewhereCard)
        key = card.name.removeprefix("pyg/")
        _, file, stem, *_ = MoleculeNet.names[key]
        assert card.file == f"pyg/{key}/raw/{stem}.csv"
        if card.name != NAME:
            assert card.url == MoleculeNet.url.format(file)
