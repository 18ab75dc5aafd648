from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.data.bad import OnBad
from rnc_graph.errors import RncGraphError
from rnc_graph.vision import Decoding, ImageData, agedb_table, balanced_split, load_images
from rnc_graph.vision.agedb import age_of
from tests.vision.conftest import write_image

SIXTEEN = Decoding(16)


def _load(folder: Path, split_table: Path | None = None, on_bad: OnBad = "raise") -> ImageData:
    table, bad = agedb_table(folder, split_table, on_bad=on_bad)
    return load_images(table, SIXTEEN, bad, on_bad=on_bad)


def _folder(path: Path, ages: Iterable[int]) -> Path:
    for number, age in enumerate(ages):
        write_image(path / f"{number}_Some_Body_{age}_{'mf'[number % 2]}.jpg", number)
    return path


@given(
    st.integers(0, 10**6),
    st.text(st.characters(blacklist_characters="/\0\n", blacklist_categories=["Cs"]), min_size=1),
    st.integers(0, 120),
    st.sampled_from(["m.jpg", "f.JPG", "M.jpeg"]),
)
def test_names_are_read(number: int, person: str, age: int, end: str) -> None:
    name = f"{number}_{person}_{age}_{end}"
    if "\r" not in person and not any(c in person for c in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
        assert age_of(name) == age


@pytest.mark.parametrize(
    "name",
    ["", "a.jpg", "1_A_f.jpg", "1_A_x_f.jpg", "1_A_30.jpg", "1_A_30_x.jpg", "_A_30_f.jpg",
     "1__30_f.jpg", "1_A_121_f.jpg", "1_A_-3_f.jpg", "1_A_30_f.png", "1_A_30_f.jpg.txt"],
)  # fmt: skip
def test_names_without_an_age(name: str) -> None:
    with pytest.raises(RncGraphError, match="expected a name ID_Name_Age_Gender"):
        age_of(name)


@given(
    st.lists(st.integers(0, 6), max_size=300).map(np.array), st.integers(0, 5), st.integers(0, 40)
)
def test_parts_are_balanced_over_age(ages: np.ndarray, seed: int, most: int) -> None:
    parts = balanced_split(ages, seed, most)
    assert parts.tolist() == balanced_split(ages, seed, most).tolist()
    for age in np.unique(ages):
        of_age = parts[ages == age].tolist()
        held = min(len(of_age) // 3, most)
        assert of_age.count("val") == of_age.count("test") == held
        assert of_age.count("train") == len(of_age) - 2 * held > 0


def test_another_seed_is_another_split() -> None:
    ages = np.repeat([20, 30], 50)
    assert balanced_split(ages, 0).tolist() != balanced_split(ages, 1).tolist()


def test_a_folder_is_read(cache: Path, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "AgeDB", [30] * 9 + [31] * 2 + [101])
    (folder / "notes.txt").write_text("no image")
    data = _load(folder)
    assert data.table.targets.shape == (12, 1)
    # In the order of their numbers, 9 before 10.
    assert data.table.targets[:, 0].tolist() == [30] * 9 + [31] * 2 + [101]
    assert (data.table.target_names, data.table.unit) == (["age"], "years")
    assert data.table.published_split is not None
    counts = {part: (data.table.published_split == part).sum() for part in ("train", "val", "test")}
    assert counts == {"train": 6, "val": 3, "test": 3}
    assert data.images.batch(torch.arange(12)).shape == (12, 3, 16, 16)
    assert data.skipped == ()


def test_corrupt_and_nameless_images_are_skipped_or_refused(cache: Path, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "AgeDB", [30] * 9)
    before = agedb_table(folder)[0]
    (folder / "4_Some_Body_30_m.jpg").write_bytes(b"no image")
    write_image(folder / "100_Nobody_f.jpg")
    write_image(folder / "strange.jpg")
    data = _load(folder, on_bad="skip")
    assert [Path(b.found).name for b in data.skipped] == [
        "strange.jpg",
        "4_Some_Body_30_m.jpg",
        "100_Nobody_f.jpg",
    ]
    assert [b.row for b in data.skipped] == [1, 6, 11]
    assert len(data) == 8
    # None of the others has moved to another part.
    kept = [row for row in range(9) if row != 4]
    assert before.published_split is not None
    assert data.table.published_split is not None
    assert data.table.published_split.tolist() == before.published_split[kept].tolist()
    with pytest.raises(RncGraphError, match=r"2 rows cannot be used(.|\n)*Nobody.*expected a name"):
        _load(folder)
    for name in ("100_Nobody_f.jpg", "strange.jpg"):
        (folder / name).unlink()
    with pytest.raises(
        RncGraphError, match=r"row 5: .*4_Some_Body_30_m.jpg': cannot be read as an image"
    ):
        _load(folder)


def _table(path: Path, rows: Iterable[str]) -> Path:
    path.write_text("\n".join(["age,path,split", *rows]) + "\n")
    return path


@pytest.mark.parametrize("above", [True, False])
def test_the_published_table_is_read(cache: Path, tmp_path: Path, above: bool) -> None:
    folder = _folder(tmp_path / "AgeDB", [30, 31, 32])
    rows = [
        f"{age},AgeDB/{i}_Some_Body_{age}_{'mf'[i % 2]}.jpg,{part}"
        for i, (age, part) in enumerate([(30, "train"), (31, "test"), (32, "val")])
    ]
    table = _table(tmp_path / "agedb.csv", [*rows, "40,AgeDB/9_Lost_40_m.jpg,train"])
    root = tmp_path if above else folder
    data = _load(root, table, on_bad="skip")
    assert data.table.targets[:, 0].tolist() == [30, 31, 32]
    assert data.table.published_split is not None
    assert data.table.published_split.tolist() == ["train", "test", "val"]
    assert [(b.row, b.reason) for b in data.skipped] == [(4, "is missing")]
    with pytest.raises(RncGraphError, match=r"row 4: .*9_Lost_40_m.jpg': is missing"):
        _load(root, table)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,AgeDB/a.jpg,train", "line 2, column 'age': 'x': not a number"),
        ("30,AgeDB/a.jpg,dev", "line 2, column 'split': expected train, val, test, got 'dev'"),
    ],
)
def test_a_wrong_table_is_refused_by_its_line(tmp_path: Path, row: str, message: str) -> None:
    folder = _folder(tmp_path / "AgeDB", [30])
    with pytest.raises(RncGraphError, match=message):
        agedb_table(folder, _table(tmp_path / "agedb.csv", [row]))


def test_without_the_data_it_is_told_how_to_get_them(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    table = _table(tmp_path / "agedb.csv", ["30,AgeDB/1_A_30_m.jpg,train"])
    for folder, split in (
        (tmp_path / "none", None),
        (tmp_path / "empty", None),
        (tmp_path / "empty", table),
    ):
        with pytest.raises(RncGraphError, match=r"ibug\.doc\.ic\.ac\.uk.*password on request"):
            agedb_table(folder, split, on_bad="skip")
