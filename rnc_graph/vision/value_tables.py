"""Images with continuous targets that a table lists, such as those of IMDB-WIKI or SkyFinder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnc_graph.data.bad import BadRow
from rnc_graph.data.table import column, numbers, read_csv
from rnc_graph.errors import BadValueError, MissingFileError
from rnc_graph.vision.data import SETS, ImageTable


def value_table(
    folder: Path,
    path: Path,
    targets: Sequence[str],
    *,
    image: str = "path",
    split: str = "split",
    unit: str = "",
) -> tuple[ImageTable, list[BadRow]]:
    """Read a table of images, and list those that are missing; no image is opened.

    Args:
        folder: that the images' paths begin in, or the one that these begin with.
        path: a CSV with a row for each image.
        targets: its columns of numbers.
        image: its column of paths.
        split: its column of "train", "val" or "test"; "" for a table without a split.
        unit: of the targets.

    Raises:
        RncGraphError: the folder, the table or all images are missing, or a cell is wrong.
    """
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: there is no such folder")
    frame = read_csv(path)
    values = np.stack([numbers(frame, name, path) for name in targets], axis=1)
    sets = column(frame, split, path) if split else []
    for line, subset in zip(frame.index, sets, strict=bool(split)):
        if subset not in SETS:
            raise BadValueError(
                f"{path}, {frame.index.name} {line}, column {split!r}: expected "
                f"{', '.join(SETS)}, got {subset!r}"
            )
    files = [_file(folder, name) for name in column(frame, image, path)]
    missing = [row for row, file in enumerate(files) if not file.exists()]
    if len(missing) == len(files):
        raise MissingFileError(
            f"{folder}: has none of {len(files)} images of {path}; the first, {str(files[0])!r}, "
            "is missing"
        )
    table = ImageTable(
        name=str(path),
        images=list(map(str, files)),
        targets=values.astype(np.float64),
        target_names=list(targets),
        unit=unit,
        published_split=np.array(sets, dtype="<U5") if split else None,
    )
    bad = [BadRow(row + 1, None, "", str(files[row]), "is missing") for row in missing]
    return table.take(np.setdiff1d(np.arange(len(table)), missing)), bad


def _file(folder: Path, name: str) -> Path:
    """Return the file of a path, which may begin with the folder's own name."""
    by_name = folder / Path(name).name
    return by_name if by_name.exists() and not (folder / name).exists() else folder / name
