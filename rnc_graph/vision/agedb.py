"""AgeDB (Moschoglou et al., CVPR Workshops 2017): faces with the ages they were taken at.

The split is the one of "Delving into Deep Imbalanced Regression" (Yang et al., ICML 2021, arXiv
2102.09554), AgeDB-DIR: 12,208 images to learn from, and 2,140 each for validation and test, which
are balanced over age. It is read from the table published with that paper, or made anew by its
rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.cache import OnDone
from rnc_graph.data.table import column, numbers, read_csv
from rnc_graph.errors import BadValueError, MissingFileError, RncGraphError
from rnc_graph.vision.bad import BadImage, OnBad, check_bad
from rnc_graph.vision.data import ImageData, load_images
from rnc_graph.vision.decoding import Decoding
from rnc_graph.vision.table import PARTS, ImageTable

HOW_TO_GET_IT = (
    "AgeDB is not downloaded: its archive is on https://ibug.doc.ic.ac.uk/resources/agedb/, and "
    "its authors give the password on request, to researchers, from an academic address; unpack "
    "it and name the folder of its images, which are called ID_Name_Age_Gender.jpg"
)
OLDEST = 120
_NAME = re.compile(r"(?P<id>\d+)_(?P<name>.+)_(?P<age>\d{1,3})_(?P<gender>[mf])\.jpe?g", re.I)
_SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True)
class AgeDBName:
    """What the name of a file says.

    Attributes:
        number: of the image.
        person: the name, underscores included.
        age: in years.
        gender: "m" or "f".
    """

    number: int
    person: str
    age: int
    gender: str


def parse_name(name: str) -> AgeDBName:
    """Read the name of a file of AgeDB.

    Raises:
        RncGraphError: it is not of the form ``ID_Name_Age_Gender.jpg``, or the age is above 120.

    >>> parse_name("12_Mary_Ann_35_f.jpg")
    AgeDBName(number=12, person='Mary_Ann', age=35, gender='f')
    """
    found = _NAME.fullmatch(name)
    if found is None or int(found["age"]) > OLDEST:
        raise BadValueError(
            f"its name tells no age; right is ID_Name_Age_Gender.jpg with an age of 0 to {OLDEST} "
            "and gender m or f"
        )
    return AgeDBName(int(found["id"]), found["name"], int(found["age"]), found["gender"].lower())


def balanced_parts(ages: NDArray[np.int64], seed: int, most: int = 30) -> NDArray[np.str_]:
    """Divide images by the rule of AgeDB-DIR.

    Of the n images of each year of age, min(n // 3, ``most``) drawn at random are for validation
    and as many others for test; the rest, at least a third, is to learn from. So an age of one or
    two images is learnt from alone.

    Args:
        ages: (N,) in whole years.
        seed: the same seed draws the same images.
        most: images that an age has in each of the two parts at most.

    Returns:
        (N,) "train", "val" or "test".

    >>> balanced_parts(np.array([30] * 100 + [90] * 2), seed=0, most=30).tolist().count("val")
    30
    """
    parts = np.full(len(ages), "train", dtype="<U5")
    rng = np.random.default_rng(seed)
    for age in np.unique(ages):
        rows = rng.permutation(np.flatnonzero(ages == age))
        held = min(len(rows) // 3, most)
        parts[rows[:held]] = "val"
        parts[rows[held : 2 * held]] = "test"
    return parts


def agedb_table(
    folder: Path, split_table: Path | None = None, *, on_bad: OnBad = "raise", seed: int = 0
) -> tuple[ImageTable, list[BadImage]]:
    """List the images of AgeDB with their ages; no image is opened.

    Args:
        folder: of the images, or the one that the paths of the split table begin in.
        split_table: a CSV with the columns age, path and split ("train", "val", "test"), as
            published with Yang et al. 2021; without one the ages come from the names of the files
            and the split is made anew by :func:`balanced_parts`.
        on_bad: "skip" leaves out images that are missing or whose names tell no age, "raise" raises
            an error.
        seed: of a split made anew.

    Returns:
        The table, its targets (N, 1) in years, and what was left out.

    Raises:
        RncGraphError: the folder has no images (the message says how to get them), one is missing
            or tells no age and is not to be skipped, or the split table is wrong.
    """
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: there is no such folder; {HOW_TO_GET_IT}")
    if split_table is not None:
        table, missing = _from_table(folder, split_table)
    else:
        table, missing = _from_names(folder, seed)
    if len(table) == 0:
        raise MissingFileError(
            f"{folder}: has none of {len(missing)} images, the first of them "
            f"{missing[0].path}, which {missing[0].reason}; {HOW_TO_GET_IT}"
            if missing
            else f"{folder}: has no .jpg images; {HOW_TO_GET_IT}"
        )
    check_bad(missing, on_bad, table.name)
    return table, missing


def load_agedb(
    folder: Path,
    split_table: Path | None = None,
    *,
    decoding: Decoding,
    on_bad: OnBad = "raise",
    seed: int = 0,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> ImageData:
    """Load AgeDB: see :func:`agedb_table`; corrupt images are bad ones too.

    A split made anew is that of all images with an age, so that a corrupt one moves no other from
    part to part.

    Raises:
        RncGraphError: as :func:`agedb_table`, or an image is corrupt and not to be skipped.
    """
    table, skipped = agedb_table(folder, split_table, on_bad=on_bad, seed=seed)
    data = load_images(table, decoding, on_bad=on_bad, jobs=jobs, on_done=on_done)
    every = sorted([*skipped, *data.skipped], key=lambda image: image.row)
    return replace(data, skipped=tuple(every))


def _from_names(folder: Path, seed: int) -> tuple[ImageTable, list[BadImage]]:
    files = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES]
    # In the order of their numbers, whatever order the file system has them in.
    files.sort(key=lambda path: (_leading_number(path.name), path.name))
    rows, ages, nameless = [], [], []
    for row, path in enumerate(files):
        try:
            ages.append(parse_name(path.name).age)
            rows.append(row)
        except RncGraphError as error:
            nameless.append(BadImage(row, str(path), str(error)))
    years = np.array(ages, dtype=np.int64)
    table = ImageTable(
        name=str(folder),
        images=[str(files[row]) for row in rows],
        targets=years.astype(np.float64)[:, None],
        target_names=["age"],
        unit="years",
        parts=balanced_parts(years, seed),
        source_rows=np.array(rows, dtype=np.int64) + 1,
    )
    return table, nameless


def _leading_number(name: str) -> int:
    digits = re.match(r"\d+", name)
    return int(digits[0]) if digits else -1


def _from_table(folder: Path, path: Path) -> tuple[ImageTable, list[BadImage]]:
    frame = read_csv(path)
    ages = numbers(frame, "age", path)
    names, parts = column(frame, "path", path), column(frame, "split", path)
    for line, part in zip(frame.index, parts, strict=True):
        if part not in PARTS:
            raise BadValueError(
                f"{path}, {frame.index.name} {line}, column 'split': {part!r} is no part; "
                f"{', '.join(PARTS)} are known"
            )
    # The paths of the published table begin with the name of the folder.
    files = [_found(folder, name) for name in names]
    missing = [BadImage(row, str(f), "is missing") for row, f in enumerate(files) if not f.exists()]
    table = ImageTable(
        name=str(path),
        images=[str(file) for file in files],
        targets=ages[:, None],
        target_names=["age"],
        unit="years",
        parts=np.array(parts, dtype="<U5"),
    )
    present = np.setdiff1d(np.arange(len(table)), [image.row for image in missing])
    return table.take(present), missing


def _found(folder: Path, name: str) -> Path:
    """Return the file that a path of the split table means: from the folder, or beside it."""
    inside = folder / name
    by_name = folder / Path(name).name
    return by_name if by_name.exists() and not inside.exists() else inside
