import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from rnc_graph.data import MoleculeTable, load_dataset
from rnc_graph.data.catalog import dataset_card, dataset_cards, load_card, load_named_dataset
from rnc_graph.data.catalog.card import EmbeddedCard
from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.files import resource_dir

EMBEDDED = {name: card for name, card in dataset_cards().items() if isinstance(card, EmbeddedCard)}


def _cells(card: EmbeddedCard) -> list[dict[str, str]]:
    with (resource_dir("datasets") / card.file).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _esol() -> EmbeddedCard:
    card = dataset_card("esol")
    assert isinstance(card, EmbeddedCard)
    return card


def test_esol_is_its_file_to_the_last_digit(esol: MoleculeTable) -> None:
    rows = _cells(_esol())
    assert len(esol) == len(rows) == 1128
    assert esol.smiles == [row["smiles"] for row in rows]
    assert esol.targets.dtype == np.float64
    assert esol.targets[:, 0].tolist() == [float(row["logS"]) for row in rows]
    assert list(esol.published_predictions) == ["esol-equation"]
    published = esol.published_predictions["esol-equation"]
    assert published.tolist() == [float(row["esol_logS"]) for row in rows]
    assert (esol.name, esol.target_names, esol.unit) == ("esol", ["logS"], "log mol/L")


def test_five_are_embedded() -> None:
    assert sorted(EMBEDDED) == ["esol", "freesolv", "lipophilicity", "logbb", "photoswitch"]


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_card_agrees_with_its_file(name: str) -> None:
    card = EMBEDDED[name]
    rows = _cells(card)
    table = load_dataset(name)
    assert list(card.columns) == list(rows[0])
    assert table.name == card.name == name
    assert len(table) == card.rows
    assert table.unit == card.unit
    wanted = [[float(row[target] or "nan") for target in card.targets] for row in rows]
    np.testing.assert_array_equal(table.targets, wanted)
    assert np.isnan(table.targets).any() == card.missing
    assert card.source
    assert card.license


def test_every_photoswitch_has_a_wavelength() -> None:
    targets = load_dataset("photoswitch").targets
    assert targets.shape == (405, 4)
    assert np.isfinite(targets).sum(axis=0).tolist() == [392, 141, 93, 123]
    assert np.isfinite(targets).any(axis=1).all()


def test_freesolv_brings_the_calculated_energies() -> None:
    table = load_dataset("freesolv")
    rows = _cells(EMBEDDED["freesolv"])
    published = table.published_predictions["molecular-dynamics"]
    assert published.tolist() == [float(row["calculated_dG_hydration"]) for row in rows]


def test_an_embedded_data_set_came_with_no_split() -> None:
    dataset = load_named_dataset("esol")
    assert dataset.card is dataset_card("esol")
    assert dataset.given_split is None
    with pytest.raises(RncGraphError, match="'esol' was published without a split"):
        dataset.published_split(seed=0)


def test_an_unknown_data_set_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown data set 'eslo'; known: .*\besol\b"):
        load_dataset("eslo")


def test_a_file_that_differs_from_its_card_is_refused(tmp_path: Path) -> None:
    card = _esol()
    text = (resource_dir("datasets") / card.file).read_text(encoding="utf-8")
    path = tmp_path / "esol.csv"
    path.write_text(text.replace("-0.77", "-0.78", 1), encoding="utf-8")
    with pytest.raises(RncGraphError) as caught:
        load_card(card, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(path) in str(caught.value)
    assert found in str(caught.value)
    assert card.sha256 in str(caught.value)


def test_a_card_with_the_wrong_number_of_rows_is_refused() -> None:
    card = _esol().model_copy(update={"rows": 1127})
    with pytest.raises(RncGraphError, match=r"expected 1127 rows .*, got 1128"):
        load_card(card, resource_dir("datasets") / card.file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match=r"nowhere\.csv: cannot be read"):
        load_card(_esol(), tmp_path / "nowhere.csv")
