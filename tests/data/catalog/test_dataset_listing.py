import subprocess
import sys
from pathlib import Path

from rnc_graph.data.catalog import dataset_card, dataset_cards, list_datasets


def test_every_card_is_one_line() -> None:
    entries = list_datasets()
    assert [entry.card.name for entry in entries] == list(dataset_cards())
    collections = [entry.card.collection for entry in entries]
    assert {name: collections.count(name) for name in collections} == {
        "": 5,
        "deepchem": 3,
        "moleculeace": 30,
        "ogb": 3,
        "pyg": 3,
    }
    for entry in entries:
        card = entry.card
        assert card is dataset_card(card.name)
        assert card.title
        assert card.unit
        assert card.license
        assert bool(card.get) == bool(card.collection)


def test_at_hand_is_what_lies_in_the_data_folder(data_folder: Path) -> None:
    def at_hand() -> dict[str, bool]:
        return {entry.card.name: entry.at_hand for entry in list_datasets()}

    assert at_hand()["esol"]
    assert not at_hand()["pyg/esol"]
    path = data_folder / "pyg" / "esol" / "raw" / "delaney-processed.csv"
    path.parent.mkdir(parents=True)
    path.touch()
    assert at_hand()["pyg/esol"]
    assert not at_hand()["pyg/lipo"]


def test_the_list_imports_none_of_the_libraries() -> None:
    code = (
        "import sys; from rnc_graph.data.catalog import list_datasets; list_datasets()\n"
        "print([m for m in ('deepchem', 'ogb', 'MoleculeACE', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
