"""Images with continuous targets that a table lists, such as those of IMDB-WIKI or SkyFinder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnc_graph.data.bad import BadRow
from rnc_graph.data.reading.strict import column, numbers, read_csv
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
        folder: that the paths of the images start in; they may begin with its own name.
        path: a CSV with a row for each image.
        targets: its columns of numbers.
        image: its column of paths.
        split: its column of "train", "val" or "test"; "" for a table without a split.
        unit: of the targets.

    Raises:
        RncGraphError: the folder, the table or all images are missing, or a cell is wrong or, in
            the column of paths, empty.
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
    names = column(frame, image, path)
    for line, name in zip(frame.index, names, strict=True):
        if not name.strip():
            raise BadValueError(
                f"{path}, {frame.index.name} {line}, column {image!r}: expected a path, got an "
                "empty cell"
            )
    files = [_file(folder, name) for name in names]
    missing = [row for row, file in enumerate(files) if not file.is_file()]
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
    file, parts = folder / name, Path(name).parts
    if parts[:1] != (folder.absolute().name,) or file.is_file():
        return file
    return folder.joinpath(*parts[1:])
