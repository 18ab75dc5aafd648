"""MoleculeACE's files, from a package folder that the tests make, and from the real one."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnc_graph.data import load_dataset
from rnc_graph.data.catalog import dataset_cards, list_datasets, load_named_dataset
from rnc_graph.errors import RncGraphError

NAME = "moleculeace/CHEMBL204_Ki"
FILE = """smiles,exp_mean [nM],y,cliff_mol,split
CCO,1000.0,-3.0,0,train
c1ccccc1,10.0,-1.0,1,test
CCN,1.0,0.0,1,train
CCC,0.1,1.0,0,train
"""


@pytest.fixture
def installed(
    tmp_path: Path, data_folder: Path, small_card: Any, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The file inside an installed package that breaks when it is imported."""
    small_card(NAME, rows=4)
    package = tmp_path / "site" / "MoleculeACE"
    path = package / "Data" / "benchmark_data" / "CHEMBL204_Ki.csv"
    path.parent.mkdir(parents=True)
    path.write_text(FILE)
    (package / "__init__.py").write_text("raise ImportError('TensorFlow is missing')")
    monkeypatch.syspath_prepend(package.parent)
    return path


def test_the_installed_file_is_read_without_the_package(installed: Path) -> None:
    dataset = load_named_dataset(NAME)
    assert "MoleculeACE" not in sys.modules
    assert dataset.table.smiles == ["CCO", "c1ccccc1", "CCN", "CCC"]
    assert dataset.table.targets[:, 0].tolist() == [-3.0, -1.0, 0.0, 1.0]
    assert (dataset.table.target_names, dataset.table.unit) == (["y"], "-log10 nM")
    assert dataset.given_split is not None
    assert dataset.given_split.train.tolist() == [0, 2, 3]
    assert dataset.given_split.test.tolist() == [1]
    assert len(dataset.given_split.validation) == 0
    assert dataset.subsets["cliff"].tolist() == [False, True, True, False]


def test_the_data_folder_goes_before_the_package(installed: Path, data_folder: Path) -> None:
    own = data_folder / "moleculeace" / "CHEMBL204_Ki.csv"
    own.parent.mkdir(parents=True)
    own.write_text(FILE.replace("CCO", "CCCO"))
    assert load_dataset(NAME).smiles[0] == "CCCO"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1,test", "1,valid", "line 3, column 'split': expected 'train' or 'test', got 'valid'"),
        ("1,train", "2,train", "line 4, column 'cliff_mol': expected '0' or '1', got '2'"),
        ("CCC,0.1,1.0,0,train\n", "", "expected 4 rows as the card of .* says, got 3"),
        ("cliff_mol", "cliff", "no column 'cliff_mol'"),
    ],
)
def test_a_file_of_another_shape_is_refused(
    installed: Path, old: str, new: str, message: str
) -> None:
    installed.write_text(FILE.replace(old, new))
    with pytest.raises(RncGraphError, match=message):
        load_dataset(NAME)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("MoleculeACE") is None, reason="MoleculeACE is not installed")
def test_all_thirty_of_the_real_package_agree_with_their_cards(data_folder: Path) -> None:
    names = [name for name in dataset_cards() if name.startswith("moleculeace/")]
    assert len(names) == 30
    assert all(entry.at_hand for entry in list_datasets() if entry.card.name in names)
    for name in names:
        dataset = load_named_dataset(name)
        assert dataset.given_split is not None
        assert len(dataset.given_split.test) == pytest.approx(0.2 * len(dataset.table), abs=11)
        assert 0.05 < dataset.subsets["cliff"].mean() < 0.6
        if len(dataset.table) > 700:  # Featurizing all of them takes minutes.
            continue
        split = dataset.published_split(seed=0)
        whole = dataset.subsets["cliff"][dataset.given_split.train].mean()
        carved = dataset.subsets["cliff"][split.validation].mean()
        assert carved == pytest.approx(whole, abs=1 / len(split.validation))


@pytest.mark.skipif(find_spec("MoleculeACE") is None, reason="MoleculeACE is not installed")
def test_the_unit_is_the_negative_logarithm_of_nanomolar(data_folder: Path) -> None:
    import pandas as pd

    (folder,) = find_spec("MoleculeACE").submodule_search_locations  # type: ignore[union-attr]
    frame = pd.read_csv(Path(folder) / "Data" / "benchmark_data" / "CHEMBL204_Ki.csv")
    targets = load_dataset(NAME).targets[:, 0]
    np.testing.assert_allclose(targets, -np.log10(frame["exp_mean [nM]"]), atol=1e-12)
