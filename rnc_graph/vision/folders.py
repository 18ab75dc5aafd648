"""Class sets of files: a folder a class, or lists of paths with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rnc_graph.errors import BadValueError, MissingFileError
from rnc_graph.vision.table import PARTS, ImageTable

_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm"))


def folder_table(root: Path) -> ImageTable:
    """List the images of a folder whose subfolders are the classes, sorted by name.

    Where the subfolders are called train, val and test (any of them), each is such a folder, and
    the table has parts. Images may stand at any depth below their class, and go by the endings of
    their names; hidden folders of classes are left out.

    Raises:
        RncGraphError: there is no such folder, no class, or a class without images; or a part has
            a class that the training set lacks.
    """
    if not root.is_dir():
        raise MissingFileError(f"{root}: there is no such folder")
    given = [part for part in PARTS if (root / part).is_dir()]
    folders = {part: root / part for part in given} if given else {"": root}
    others = sorted(p.name for p in root.iterdir() if p.is_dir() and p.name[0] != ".")
    others = [name for name in others if given and name not in PARTS]
    if others:
        raise BadValueError(
            f"{root}: found {', '.join(given)} beside {others[0]!r}; right are either the parts "
            "train, val and test alone, each with its classes, or the classes alone"
        )
    classes: list[str] = []
    images: list[str] = []
    labels: list[int] = []
    parts: list[str] = []
    for part, folder in folders.items():
        own = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
        if not own:
            raise BadValueError(f"{folder}: has no subfolders, one for each class is needed")
        classes = classes or own
        for name in own:
            if name not in classes:
                raise BadValueError(f"{folder / name}: there is no class {name!r} in {given[0]}")
            files = sorted(str(p) for p in (folder / name).rglob("*") if _is_image(p))
            if not files:
                raise BadValueError(f"{folder / name}: has no images")
            images += files
            labels += [classes.index(name)] * len(files)
            parts += [part] * len(files)
    return ImageTable(
        name=str(root),
        images=images,
        targets=np.array(labels, dtype=np.float64)[:, None],
        target_names=["class"],
        parts=np.array(parts, dtype="<U5") if given else None,
        classes=tuple(classes),
    )


def list_table(
    lists: Mapping[str, Path], folder: Path, classes: Sequence[str] | None = None
) -> ImageTable:
    """Read lists of images, one "path label" a line, as those of ImageNet-LT.

    Args:
        lists: the list of each part, "train", "val" or "test".
        folder: that the paths begin in.
        classes: names of the classes; None for their numbers.

    Returns:
        N images, part after part, and the numbers of their classes (N, 1).

    Raises:
        RncGraphError: another part, a list is missing or empty, or a line is no path with the
            number of a class; the message names the line. Or without ``classes`` a number below
            the largest has no image in the training list.
    """
    images: list[str] = []
    labels: list[int] = []
    parts: list[str] = []
    for part, path in lists.items():
        if part not in PARTS:
            raise BadValueError(f"lists: {part!r} is no part; {', '.join(PARTS)} are known")
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadValueError(f"{path}: cannot be read: {error}") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            cells = line.rsplit(maxsplit=1)  # A path may have spaces.
            if len(cells) < 2 or not cells[1].isdecimal():
                raise BadValueError(f"{path}, line {number}: {line!r}, right is 'path label'")
            if classes is not None and int(cells[1]) >= len(classes):
                raise BadValueError(
                    f"{path}, line {number}: class {cells[1]}, right is 0 to {len(classes) - 1}"
                )
            images.append(str(folder / cells[0].strip()))
            labels.append(int(cells[1]))
            parts.append(part)
        if part not in parts:
            raise BadValueError(f"{path}: has no lines 'path label'")
    if classes is None:
        classes = _numbered(lists, labels, parts)
    return ImageTable(
        name=", ".join(map(str, lists.values())),
        images=images,
        targets=np.array(labels, dtype=np.float64).reshape(-1, 1),
        target_names=["class"],
        parts=np.array(parts, dtype="<U5"),
        classes=tuple(classes),
    )


def _numbered(
    lists: Mapping[str, Path], labels: Sequence[int], parts: Sequence[str]
) -> tuple[str, ...]:
    """Return the names of classes that are numbered alone: a slip of the pen makes no classes."""
    learnt = {label for label, part in zip(labels, parts, strict=True) if part == "train"}
    count = max(labels) + 1
    if "train" in lists and len(learnt) < count:
        lacking = next(number for number in range(count) if number not in learnt)
        raise BadValueError(
            f"{lists['train']}: the lists number classes from 0 to {count - 1}, and class "
            f"{lacking} has no image here"
        )
    return tuple(map(str, range(count)))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and path.is_file()
