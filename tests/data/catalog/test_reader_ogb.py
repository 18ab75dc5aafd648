"""OGB's folders, from an archive that the tests make."""

import gzip
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from rnc_graph.data import load_dataset
from rnc_graph.data.catalog import dataset_cards, load_named_dataset
from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.errors import RncGraphError

NAME = "ogb/ogbg-molesol"
FILES = {
    "mapping/mol.csv.gz": "measured log solubility in mols per litre,smiles,mol_id\n"
    "-0.77,CCO,a\n-3.3,c1ccccc1,b\n0.5,CCN,c\n1.25,CCC,d\n",
    "split/scaffold/train.csv.gz": "3\n0\n",
    "split/scaffold/valid.csv.gz": "1\n",
    "split/scaffold/test.csv.gz": "2\n",
}


def _archive(files: dict[str, str]) -> bytes:
    """What OGB's server gives: the files below a folder with a name of its own."""
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        archive.writestr("esol/raw/edge.csv.gz", b"not needed")
        for name, text in files.items():
            archive.writestr(f"esol/{name}", gzip.compress(text.encode()))
    return content.getvalue()


@pytest.fixture
def served(tmp_path: Path, data_folder: Path, small_card: Callable[..., ElsewhereCard]) -> Path:
    """The archive at the data set's URL."""
    path = tmp_path / "esol.zip"
    path.write_bytes(_archive(FILES))
    small_card(NAME, rows=4, url=path.as_uri())
    return path


def test_a_download_brings_molecules_targets_and_the_scaffold_split(
    served: Path, data_folder: Path
) -> None:
    dataset = load_named_dataset(NAME, download=True)
    assert dataset.table.smiles == ["CCO", "c1ccccc1", "CCN", "CCC"]
    assert dataset.table.targets[:, 0].tolist() == [-0.77, -3.3, 0.5, 1.25]
    split = dataset.published_split(seed=0)
    assert sorted(split.train) == [0, 3]
    assert split.validation.tolist() == [1]
    assert split.test.tolist() == [2]
    found = [str(p.relative_to(data_folder)) for p in data_folder.rglob("*") if p.is_file()]
    assert sorted(found) == sorted(f"ogb/ogbg_molesol/{name}" for name in FILES)


def test_it_is_downloaded_once(served: Path) -> None:
    load_dataset(NAME, download=True)
    served.unlink()
    assert len(load_dataset(NAME)) == 4


def test_it_is_not_downloaded_unasked(served: Path, data_folder: Path) -> None:
    with pytest.raises(RncGraphError, match="is not on this computer"):
        load_dataset(NAME)
    assert not data_folder.exists()


@pytest.mark.parametrize("missing", FILES)
def test_an_archive_that_lacks_a_file_is_refused(
    missing: str, served: Path, data_folder: Path
) -> None:
    served.write_bytes(_archive({name: text for name, text in FILES.items() if name != missing}))
    with pytest.raises(RncGraphError, match="is not OGB's archive"):
        load_dataset(NAME, download=True)
    with pytest.raises(RncGraphError, match="is not on this computer"):
        load_dataset(NAME)


def test_what_is_no_archive_is_refused(served: Path) -> None:
    served.write_text("<html>moved</html>")
    with pytest.raises(RncGraphError, match="is not OGB's archive: File is not a zip file"):
        load_dataset(NAME, download=True)


@pytest.mark.parametrize(
    ("part", "text", "message"),
    [
        ("test", "two\n", r"test\.csv\.gz: not a list of row numbers"),
        ("valid", "2\n", "do not hold each of its 4 rows once"),
        ("test", "4\n", "do not hold each of its 4 rows once"),
    ],
)
def test_a_bad_split_is_refused(part: str, text: str, message: str, served: Path) -> None:
    served.write_bytes(_archive({**FILES, f"split/scaffold/{part}.csv.gz": text}))
    with pytest.raises(RncGraphError, match=message):
        load_dataset(NAME, download=True)


@pytest.mark.skipif(find_spec("ogb") is None, reason="OGB is not installed")
def test_the_cards_agree_with_ogb() -> None:
    (folder,) = find_spec("ogb").submodule_search_locations  # type: ignore[union-attr]
    master = pd.read_csv(
        Path(folder) / "graphproppred" / "master.csv", index_col=0, keep_default_na=False
    )
    cards = [card for name, card in dataset_cards().items() if name.startswith("ogb/")]
    assert len(cards) == 3
    for card in cards:
        assert isinstance(card, ElsewhereCard)
        theirs = master[card.name.removeprefix("ogb/")]
        assert card.url == theirs["url"]
        assert card.file == "ogb/" + card.name.removeprefix("ogb/").replace("-", "_")
        assert len(card.targets) == int(theirs["num tasks"])
        assert (theirs["eval metric"], theirs["split"]) == ("rmse", "scaffold")


def test_row_numbers_are_integers(served: Path) -> None:
    given = load_named_dataset(NAME, download=True).given_split
    assert given is not None
    assert {rows.dtype for rows in given.sets().values()} == {np.dtype(np.int64)}
