"""DeepChem's loaders: a stand-in with their arguments, and the real ones where installed."""

import logging
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rnc_graph.data import load_dataset
from rnc_graph.data.catalog import load_named_dataset
from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.data.catalog.deepchem import deepchem_table
from rnc_graph.errors import MissingPackageError, RncGraphError

NAME = "deepchem/delaney"
FILE = """Compound ID,measured log solubility in mols per litre,smiles
a,-0.77,CCO
b,-3.3,c1ccccc1
c,0.5,CCN
d,,CCC
"""
# Noisy, as the real one; with the last two molecules in the other parts.
PACKAGE = """
    import csv, logging, os, sys, warnings
    import numpy as np

    print("No normalization for SPS")
    print("Skipped loading modules", file=sys.stderr)
    logging.getLogger("deepchem").warning("Skipped loading some modules")
    warnings.warn("deprecated")


    class feat:
        class DummyFeaturizer:
            pass


    class Part:
        def __init__(self, rows):
            y = [row["measured log solubility in mols per litre"] for row in rows]
            self.ids = np.array([row["smiles"] for row in rows])
            self.y = np.array([[float(value or 0)] for value in y])
            self.w = np.array([[float(value != "")] for value in y])


    class molnet:
        @staticmethod
        def load_delaney(featurizer, splitter, transformers, reload, data_dir, save_dir):
            assert isinstance(featurizer, feat.DummyFeaturizer)
            assert (splitter, transformers, reload) == ("scaffold", [], False)
            with open(os.path.join(data_dir, "delaney-processed.csv")) as file:
                rows = list(csv.DictReader(file))
            return ["task"], (Part(rows[:-2]), Part(rows[-1:]), Part(rows[-2:-1])), []
"""


@pytest.fixture
def installed(
    tmp_path: Path,
    data_folder: Path,
    small_card: Callable[..., ElsewhereCard],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A stand-in for DeepChem, with its file in the data folder."""
    small_card(NAME, rows=4)
    package = tmp_path / "site" / "deepchem" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text(textwrap.dedent(PACKAGE))
    monkeypatch.syspath_prepend(package.parent.parent)
    monkeypatch.delitem(sys.modules, "deepchem", raising=False)
    raw = data_folder / "deepchem" / "delaney-processed.csv"
    raw.parent.mkdir(parents=True)
    raw.write_text(FILE)
    yield package
    sys.modules.pop("deepchem", None)


def test_the_parts_are_those_of_deepchem(installed: Path) -> None:
    dataset = load_named_dataset(NAME)
    assert dataset.table.smiles == ["CCO", "c1ccccc1", "CCC", "CCN"]
    np.testing.assert_array_equal(dataset.table.targets[:, 0], [-0.77, -3.3, np.nan, 0.5])
    split = dataset.published_split(seed=0)
    assert split.train.tolist() == [0, 1]
    assert split.validation.tolist() == [2]
    assert split.test.tolist() == [3]


def test_deepchem_is_heard_neither_on_the_console_nor_in_the_log(
    installed: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_dataset(NAME)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    logging.getLogger("deepchem").warning("heard again")
    assert [record.message for record in caplog.records] == ["heard again"]


def test_what_deepchem_raises_is_passed_on_in_words(installed: Path) -> None:
    installed.write_text("raise RuntimeError('built for another NumPy')")
    with pytest.raises(
        RncGraphError, match=r"DeepChem cannot load it from .*: RuntimeError: built"
    ):
        load_dataset(NAME)


def test_without_deepchem_the_message_says_how_to_get_it(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnc_graph.data.catalog.deepchem.find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"DeepChem is not installed.*rnc-graph\[mol"):
        load_dataset(NAME, download=True)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("deepchem") is None, reason="DeepChem is not installed")
@pytest.mark.parametrize(
    ("embedded", "name", "sizes"),
    [
        ("esol", "deepchem/delaney", [902, 113, 113]),
        ("freesolv", "deepchem/sampl", [513, 64, 65]),
        ("lipophilicity", "deepchem/lipo", [3360, 420, 420]),
    ],
)
def test_the_real_deepchem_loads_and_splits_each_set(
    data_folder: Path,
    small_card: Callable[..., ElsewhereCard],
    capfd: pytest.CaptureFixture[str],
    embedded: str,
    name: str,
    sizes: list[int],
) -> None:
    table = load_dataset(embedded)
    card = small_card(name, rows=len(table))
    raw = data_folder / card.file
    raw.parent.mkdir(parents=True)
    lines = [f"{s},{y!r}" for s, y in zip(table.smiles, table.targets[:, 0].tolist(), strict=True)]
    raw.write_text("\n".join([f"smiles,{card.targets[0]}", *lines]) + "\n")
    dataset = load_named_dataset(name)
    assert capfd.readouterr() == ("", "")
    assert sorted(dataset.table.smiles) == sorted(table.smiles)
    assert dataset.given_split is not None
    assert [len(rows) for rows in dataset.given_split.sets().values()] == sizes


def test_one_weight_a_molecule_is_that_of_each_target() -> None:
    """As NumpyDataset keeps them where they are given so."""
    data = SimpleNamespace(
        ids=["C", "CC"], y=np.array([[1.0, 2.0], [3.0, 4.0]]), w=np.array([1.0, 0.0])
    )
    data.get_task_names = lambda: ["a", "b"]
    assert np.array_equal(deepchem_table(data).targets, [[1, 2], [np.nan] * 2], equal_nan=True)
    data.y, data.get_task_names = np.array([[1.0], [3.0]]), lambda: ["a"]
    assert np.array_equal(deepchem_table(data).targets, [[1], [np.nan]], equal_nan=True)
