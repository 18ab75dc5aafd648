"""AgeDB (Moschoglou et al., CVPR Workshops 2017): faces and the age of each person in the image.

The split is AgeDB-DIR of "Delving into Deep Imbalanced Regression" (Yang et al., ICML 2021, arXiv
2102.09554): 12,208 training images, and 2,140 each for validation and test, balanced over age. It
is read from the table published with that paper, or drawn by its rule.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.bad import BadRow, OnBad, check_bad
from rnc_graph.errors import BadValueError, MissingFileError
from rnc_graph.vision.data import ImageTable
from rnc_graph.vision.value_tables import value_table

HOW_TO_GET_IT = (
    "AgeDB is not downloaded: its archive is on https://ibug.doc.ic.ac.uk/resources/agedb/, and "
    "its authors give the password on request, to researchers, from an academic address; unpack "
    "it and name the folder of its images, which are called ID_Name_Age_Gender.jpg"
)
OLDEST = 120
_NAME = re.compile(r"\d+_.+_(?P<age>\d{1,3})_[mf]\.jpe?g", re.I)


def age_of(name: str) -> int:
    """Return the age in years, at most 120, in the name of a file of AgeDB.

    >>> age_of("12_Mary_Ann_35_f.jpg")
    35
    """
    found = _NAME.fullmatch(name)
    if found is None or int(found["age"]) > OLDEST:
        raise BadValueError(
            f"expected a name ID_Name_Age_Gender.jpg, with an age of 0 to {OLDEST} and gender m "
            "or f"
        )
    return int(found["age"])


def balanced_split(ages: NDArray[np.int64], seed: int, most: int = 30) -> NDArray[np.str_]:
    """Divide images by the rule of AgeDB-DIR.

    Of the n images of each year of age, min(n // 3, ``most``) drawn at random are for validation
    and as many others for test; the rest, at least a third, is for training. So an age with one or
    two images is in the training set alone.

    Returns "train", "val" or "test" for each of the ages (N,), in whole years.
    """
    split = np.full(len(ages), "train", dtype="<U5")
    rng = np.random.default_rng(seed)
    for age in np.unique(ages):
        rows = rng.permutation(np.flatnonzero(ages == age))
        held = min(len(rows) // 3, most)
        split[rows[:held]] = "val"
        split[rows[held : 2 * held]] = "test"
    return split


def agedb_table(
    folder: Path, split_table: Path | None = None, *, on_bad: OnBad = "raise", seed: int = 0
) -> tuple[ImageTable, list[BadRow]]:
    """List the images of AgeDB with their ages, and those left out; no image is opened.

    A split is drawn of all images with an age, so that a corrupt one, which :func:`load_images`
    leaves out, moves no other image from set to set.

    Args:
        folder: of the images, or the one that the paths of the split table begin in.
        split_table: a CSV with the columns age, path and split ("train", "val", "test"), as
            published with Yang et al. 2021; without one the ages come from the names of the files
            and the split is drawn by :func:`balanced_split`.
        on_bad: for images that are missing or whose names have no age, "skip" or "raise".
        seed: of a split that is drawn.
    """
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: there is no such folder; {HOW_TO_GET_IT}")
    if split_table is not None:
        try:
            table, bad = value_table(folder, split_table, ["age"], unit="years")
        except MissingFileError as error:
            raise MissingFileError(f"{error}; {HOW_TO_GET_IT}") from error
    else:
        table, bad = _from_names(folder, seed)
    if len(table) == 0:
        raise MissingFileError(
            f"{folder}: has none of {len(bad)} images; the first, {bad[0].found}: {bad[0].reason}; "
            f"{HOW_TO_GET_IT}"
            if bad
            else f"{folder}: has no .jpg images; {HOW_TO_GET_IT}"
        )
    check_bad(bad, on_bad, table.name)
    return table, bad


def _from_names(folder: Path, seed: int) -> tuple[ImageTable, list[BadRow]]:
    files = [path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg")]
    # In the order of their numbers, whatever order the file system has them in.
    files.sort(key=lambda path: (int((re.match(r"\d+", path.name) or [-1])[0]), path.name))
    rows, ages, bad = [], [], []
    for row, path in enumerate(files):
        try:
            ages.append(age_of(path.name))
            rows.append(row)
        except BadValueError as error:
            bad.append(BadRow(row + 1, None, "", str(path), str(error)))
    images = [str(files[row]) for row in rows]
    years = np.array(ages, dtype=np.int64)
    table = ImageTable(
        name=str(folder),
        images=images,
        targets=years.astype(np.float64)[:, None],
        target_names=["age"],
        unit="years",
        published_split=balanced_split(years, seed),
        source_rows=np.array(rows, dtype=np.int64) + 1,
    )
    return table, bad
