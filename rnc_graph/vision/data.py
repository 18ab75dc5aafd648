"""Sets of images: a table of names and targets, and their pixels, ready for training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rnc_graph.data.bad import BadRow, OnBad, check_bad, describe_bad
from rnc_graph.data.cache import OnDone
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError
from rnc_graph.vision.decoding import DECODER, Decoding, decode_all
from rnc_graph.vision.hierarchies import Hierarchy, superclass_of
from rnc_graph.vision.store import PackedImages, digest, packed_images

SETS = ("train", "val", "test")
"""The names of the sets of a published split."""


@dataclass(frozen=True)
class ImageTable:
    """N images with their targets, in the order of their source.

    Attributes:
        name: of the table in messages and results.
        images: name of each image: the path of its file, or a label.
        targets: (N, t) values of the ``target_names`` in ``unit``, or class indices.
        published_split: (N,) "train", "val" or "test"; None without a published split.
        classes: names of the classes, none for a continuous target.
        source_rows: (N,) the number of each image in its source, from 1; None where all are here.
    """

    name: str
    images: list[str]
    targets: FloatArray
    target_names: list[str]
    unit: str = ""
    published_split: NDArray[np.str_] | None = None
    classes: tuple[str, ...] = ()
    source_rows: NDArray[np.int64] | None = None

    @classmethod
    def of_classes(
        cls,
        name: str,
        images: Sequence[str],
        labels: Sequence[int] | NDArray[np.integer],
        split: Sequence[str] | None,
        classes: Sequence[str],
    ) -> ImageTable:
        """Return a table whose target is the index of a class, by N indices and names of sets."""
        return cls(
            name=name,
            images=list(images),
            targets=np.asarray(labels, dtype=np.float64).reshape(-1, 1),
            target_names=["class"],
            published_split=None if split is None else np.array(split, dtype="<U5"),
            classes=tuple(classes),
        )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def names(self) -> list[str]:
        """Names of the images."""
        return self.images

    @property
    def rows(self) -> NDArray[np.int64]:
        """The number of each image in the source, from 1."""
        if self.source_rows is not None:
            return self.source_rows
        return np.arange(1, len(self) + 1)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) the class index of each image."""
        return self.targets[:, 0].astype(np.int64)

    def take(self, rows: NDArray[np.int64]) -> ImageTable:
        """Return some of the images, which keep their numbers."""
        split = self.published_split
        return replace(
            self,
            images=[self.images[row] for row in rows],
            targets=self.targets[rows],
            published_split=None if split is None else split[rows],
            source_rows=self.rows[rows],
        )

    def spaced(self, samples: int | None) -> ImageTable:
        """Return no more than so many of the images, evenly spaced; all of them for None."""
        if samples is None or samples >= len(self):
            return self
        return self.take(np.linspace(0, len(self) - 1, samples).astype(np.int64))


@dataclass(frozen=True)
class ImageData:
    """N images: their table and their pixels, row by row the same.

    ``skipped`` are bad images of the source, ``groups`` (C,) the group of each class, None without
    a hierarchy.
    """

    table: ImageTable
    images: PackedImages
    skipped: tuple[BadRow, ...] = ()
    groups: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def skipped_text(self) -> str:
        """A message that lists the bad images left out, "" for none."""
        return describe_bad(self.skipped, self.table.name) if self.skipped else ""

    def grouped(self, hierarchy: Hierarchy) -> ImageData:
        """Return the images with the group of each class."""
        groups = superclass_of(self.table.classes, hierarchy)
        return replace(self, groups=tuple(groups.tolist()))


def load_images(
    table: ImageTable,
    decoding: Decoding,
    bad: Sequence[BadRow] = (),
    *,
    on_bad: OnBad = "raise",
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> ImageData:
    """Decode the files that a table names, or take their pixels from the cache.

    ``on_bad`` "skip" leaves out images that are missing or corrupt; "raise" raises
    :class:`BadValueError`, which is raised also if all are. ``bad`` are images of the source that
    the table has left out already. ``jobs`` are processes; ``on_done`` is called with the number of
    images done since the last call.
    """
    images, reasons = decoded_images(table.images, decoding, jobs=jobs, on_done=on_done)
    corrupt = [
        BadRow(int(table.rows[row]), None, "", table.images[row], reason)
        for row, reason in reasons.items()
    ]
    skipped = tuple(sorted([*bad, *corrupt], key=lambda image: image.row))
    check_bad(skipped, on_bad, table.name)
    good = np.setdiff1d(np.arange(len(table)), list(reasons))
    if len(good) == 0:
        raise BadValueError(describe_bad(skipped, table.name) + "\nno image is left")
    if not reasons:
        return ImageData(table, images, skipped)
    return ImageData(table.take(good), images.take(torch.from_numpy(good)), skipped)


def decoded_images(
    paths: Sequence[Path | str],
    decoding: Decoding,
    *,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> tuple[PackedImages, dict[int, str]]:
    """Return the images of N files, decoded once and cached after, and why some, by row, are black.

    The cache identifies a file by its path, size and time of change, and does not read it.
    """
    names = [str(path) for path in paths]
    # The pixels depend on Pillow's decoders and resampling too.
    from PIL import __version__ as pillow

    key = digest([DECODER, pillow, asdict(decoding)], map(_stamp, names))
    make = partial(decode_all, decoding=decoding)
    return packed_images(key, names, make, decoding.shape, jobs=jobs, on_done=on_done)


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return f"{os.path.abspath(path)} missing"
    # Unlike the time of the last writing, it changes with permissions too, and cannot be set back.
    return f"{os.path.abspath(path)} {status.st_size} {status.st_ctime_ns}"
