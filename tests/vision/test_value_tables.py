from pathlib import Path

import numpy as np
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.vision import value_table
from tests.vision.conftest import write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        write_image(tmp_path / "sky" / "75" / f"{number}.jpg", seed=number)
    return tmp_path / "sky"


def write(folder: Path, *rows: str, header: str = "path,temperature,wind,split") -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_values_and_split_are_read(folder: Path):
    path = write(folder, "75/0.jpg,-3.5,2,train", "75/9.jpg,0,1,train", "75/2.jpg,21,0,test")
    table, bad = value_table(folder, path, ["temperature", "wind"], unit="°C")
    assert table.images == [str(folder / "75/0.jpg"), str(folder / "75/2.jpg")]
    assert table.targets.tolist() == [[-3.5, 2], [21, 0]]
    assert table.target_names == ["temperature", "wind"]
    assert table.published_split is not None
    assert table.published_split.tolist() == ["train", "test"]
    assert table.rows.tolist() == [1, 3]
    assert [(row.row, row.found, row.reason) for row in bad] == [
        (2, str(folder / "75/9.jpg"), "is missing")
    ]
    assert value_table(folder, path, ["wind"], split="")[0].published_split is None


def test_paths_may_begin_with_the_name_of_the_folder(folder: Path):
    write_image(folder / "1.jpg")
    path = write(folder, "sky/75/0.jpg,1,1,train", "sky/1.jpg,2,1,train", "80/1.jpg,3,1,train")
    table, bad = value_table(folder, path, ["temperature"])
    assert table.images == [str(folder / "75/0.jpg"), str(folder / "1.jpg")]
    # Another image of that name is no replacement, and a folder is no image.
    assert [row.found for row in bad] == [str(folder / "80/1.jpg")]
    path = write(folder, "75/0.jpg,1,1,train", "75,1,1,train", ".,1,1,train", "sky,1,1,train")
    assert [row.row for row in value_table(folder, path, ["wind"])[1]] == [2, 3, 4]


def test_images_are_spaced_evenly_with_both_ends(folder: Path):
    table, _ = value_table(folder, write(folder, *["75/0.jpg,1,1,train"] * 11), ["wind"])
    assert table.spaced(3).rows.tolist() == [1, 6, 11]
    assert table.spaced(None) is table.spaced(11) is table
    assert np.array_equal(table.spaced(2).targets, [[1], [1]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["75/0.jpg,cold,1,train"], "line 2, column 'temperature': 'cold': not a number"),
        (["75/0.jpg,1,1,dev"], "line 2, column 'split': expected train, val, test, got 'dev'"),
        ([",1,1,train"], "line 2, column 'path': expected a path, got an empty cell"),
        (["75/7.jpg,1,1,train"], r"has none of 1 images of .*table\.csv; the first, .*75/7\.jpg"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, rows: list[str], message: str):
    with pytest.raises(RncGraphError, match=message):
        value_table(folder, write(folder, *rows), ["temperature"])


def test_missing_columns_files_and_folders_are_named(folder: Path):
    path = write(folder, "75/0.jpg,1", header="path,temperature")
    with pytest.raises(RncGraphError, match="'split'"):
        value_table(folder, path, ["temperature"])
    with pytest.raises(RncGraphError, match=r"none\.csv"):
        value_table(folder, folder / "none.csv", ["temperature"])
    with pytest.raises(RncGraphError, match="nowhere: there is no such folder"):
        value_table(folder / "nowhere", path, ["temperature"])
