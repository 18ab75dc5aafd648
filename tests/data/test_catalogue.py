import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from rnc_graph.data import MoleculeTable, dataset_cards, load_dataset
from rnc_graph.data.catalogue import dataset_card, load_card
from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.shipped import shipped_dir


def test_esol_is_its_file_to_the_last_digit(esol: MoleculeTable) -> None:
    with (shipped_dir("datasets") / "esol.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(esol) == len(rows) == 1128
    assert esol.smiles == [row["smiles"] for row in rows]
    assert esol.targets.dtype == np.float64
    assert esol.targets[:, 0].tolist() == [float(row["logS"]) for row in rows]
    assert list(esol.published_predictions) == ["esol-equation"]
    published = esol.published_predictions["esol-equation"]
    assert published.tolist() == [float(row["esol_logS"]) for row in rows]
    assert (esol.name, esol.target_names, esol.unit) == ("esol", ["logS"], "log mol/L")


@pytest.mark.parametrize("name", list(dataset_cards()))
def test_every_card_agrees_with_its_file(name: str) -> None:
    card = dataset_cards()[name]
    table = load_dataset(name)
    with (shipped_dir("datasets") / card.file).open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert list(card.columns) == header
    assert table.name == card.name == name
    assert len(table) == card.rows
    assert table.unit == card.unit
    assert np.isfinite(table.targets).all()
    assert card.source
    assert card.licence


def test_an_unknown_data_set_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown data set 'eslo'; known: .*\besol\b"):
        load_dataset("eslo")


def test_a_file_that_differs_from_its_card_is_refused(tmp_path: Path) -> None:
    card = dataset_card("esol")
    text = (shipped_dir("datasets") / card.file).read_text(encoding="utf-8")
    path = tmp_path / "esol.csv"
    path.write_text(text.replace("-0.77", "-0.78", 1), encoding="utf-8")
    with pytest.raises(RncGraphError) as caught:
        load_card(card, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(path) in str(caught.value)
    assert found in str(caught.value)
    assert card.sha256 in str(caught.value)


def test_a_card_with_the_wrong_number_of_rows_is_refused() -> None:
    card = dataset_card("esol").model_copy(update={"rows": 1127})
    with pytest.raises(RncGraphError, match="1128 rows, the card of 'esol' says 1127"):
        load_card(card, shipped_dir("datasets") / card.file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match=r"nowhere\.csv: cannot be read"):
        load_card(dataset_card("esol"), tmp_path / "nowhere.csv")
