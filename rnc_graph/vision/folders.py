"""Sets of classes in files: a folder for each class, or lists of paths with labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rnc_graph.errors import BadValueError, MissingFileError, unreadable
from rnc_graph.vision.data import SETS, ImageTable

_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm"))


def folder_table(root: Path) -> ImageTable:
    """List the images of a folder whose subfolders are the classes, sorted by name.

    If the subfolders are called train, val and test (any of them), each is such a folder, and the
    table has a published split. Images are found at any depth below their class, by the endings of
    their names; hidden files and folders are left out.
    """
    if not root.is_dir():
        raise MissingFileError(f"{root}: there is no such folder")
    names = _subfolders(root)
    sets = [name for name in SETS if name in names]
    others = [name for name in names if name not in sets]
    if sets and others:
        raise BadValueError(
            f"{root}: expected either train, val and test alone, each with its classes, or the "
            f"classes alone, got {', '.join(sets)} and {others[0]!r}"
        )
    classes: list[str] = []
    images, labels, split = list[str](), list[int](), list[str]()
    for subset in sets or [""]:
        folder = root / subset
        own = _subfolders(folder)
        if not own:
            raise BadValueError(f"{folder}: expected a subfolder for each class, got none")
        classes = classes or own
        for name in own:
            if name not in classes:
                raise BadValueError(f"{folder / name}: there is no class {name!r} in {sets[0]}")
            inside = folder / name
            files = sorted(str(p) for p in inside.rglob("*") if _is_image(p, inside))
            if not files:
                raise BadValueError(f"{folder / name}: has no images")
            images += files
            labels += [classes.index(name)] * len(files)
            split += [subset] * len(files)
    return ImageTable.of_classes(str(root), images, labels, split if sets else None, classes)


def list_table(
    lists: Mapping[str, Path], folder: Path, classes: Sequence[str] | None = None
) -> ImageTable:
    """Read lists of images, one "path label" a line, as those of ImageNet-LT.

    Args:
        lists: the list of each set, "train", "val" or "test".
        folder: that the paths begin in.
        classes: names of the classes; None for their indices, all of which occur in training.

    Raises:
        RncGraphError: the folder or a list is missing, or a line is wrong.
    """
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: there is no such folder")
    images, labels, split = list[str](), list[int](), list[str]()
    for subset, path in lists.items():
        if subset not in SETS:
            raise BadValueError(f"lists: expected {', '.join(SETS)}, got {subset!r}")
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise unreadable(path, error) from error
        except UnicodeDecodeError as error:
            raise BadValueError(f"{path}: cannot be read: {error}") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            cells = line.rsplit(maxsplit=1)  # A path may have blanks.
            if len(cells) < 2 or not (cells[1].isascii() and cells[1].isdigit()):
                raise BadValueError(f"{path}, line {number}: expected 'path label', got {line!r}")
            if classes is not None and int(cells[1]) >= len(classes):
                raise BadValueError(
                    f"{path}, line {number}: expected a class of 0 to {len(classes) - 1}, got "
                    f"{cells[1]}"
                )
            images.append(str(folder / cells[0].strip()))
            labels.append(int(cells[1]))
            split.append(subset)
        if subset not in split:
            raise BadValueError(f"{path}: has no lines 'path label'")
    if classes is None:
        count = max(labels) + 1
        known = {label for label, subset in zip(labels, split, strict=True) if subset == "train"}
        # A typing error must not make millions of classes.
        if "train" in lists and len(known) < count:
            lacking = next(number for number in range(count) if number not in known)
            raise BadValueError(
                f"{lists['train']}: the lists have classes 0 to {count - 1}, and class {lacking} "
                "has no image here"
            )
        classes = list(map(str, range(count)))
    name = ", ".join(map(str, lists.values()))
    return ImageTable.of_classes(name, images, labels, split, classes)


def _subfolders(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")


def _is_image(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in _SUFFIXES and path.is_file()
