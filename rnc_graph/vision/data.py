"""A set of images ready for training: its table and its pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from rnc_graph.data.cache import OnDone
from rnc_graph.errors import BadValueError
from rnc_graph.vision.bad import BadImage, OnBad, check_bad, described
from rnc_graph.vision.decoding import DECODER, Decoding, decode_all
from rnc_graph.vision.hierarchies import Hierarchy, superclass_of
from rnc_graph.vision.store import PackedImages, digest, packed_images
from rnc_graph.vision.table import ImageTable


@dataclass(frozen=True)
class ImageData:
    """N images: their table and their pixels, row by row the same.

    Attributes:
        table: names of the images and their targets.
        images: their pixels.
        skipped: bad images of the source; rows count from 0 in the source.
        groups: (C,) the group of each class, None without a hierarchy.
    """

    table: ImageTable
    images: PackedImages
    skipped: tuple[BadImage, ...] = ()
    groups: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def skipped_text(self) -> str:
        """A message that lists the bad images left out, "" for none."""
        return described(self.skipped, self.table.name) if self.skipped else ""

    def grouped(self, hierarchy: Hierarchy) -> ImageData:
        """Return the images with the group of each class."""
        groups = superclass_of(self.table.classes, hierarchy)
        return replace(self, groups=tuple(groups.tolist()))


def load_images(
    table: ImageTable,
    decoding: Decoding,
    *,
    on_bad: OnBad = "raise",
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> ImageData:
    """Decode the files of a table, or take their pixels from the cache.

    Args:
        table: N images whose names are the paths of their files.
        decoding: how they become images of one size.
        on_bad: "skip" leaves out images that are missing or corrupt, "raise" raises an error.
        jobs: processes to decode in.
        on_done: called with the number of images done since the last call.

    Raises:
        BadValueError: an image is missing or corrupt and ``on_bad`` is "raise", or all are.
    """
    images, bad = decoded_images(table.images, decoding, jobs=jobs, on_done=on_done)
    if not bad:
        return ImageData(table, images)
    skipped = [replace(image, row=int(table.rows[image.row]) - 1) for image in bad]
    check_bad(skipped, on_bad, table.name)
    good = np.setdiff1d(np.arange(len(table)), [image.row for image in bad])
    if len(good) == 0:
        raise BadValueError(described(skipped, table.name) + "\nno image is left")
    return ImageData(table.take(good), images.take(torch.from_numpy(good)), tuple(skipped))


def decoded_images(
    paths: Sequence[Path | str],
    decoding: Decoding,
    *,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> tuple[PackedImages, list[BadImage]]:
    """Return the images of N files, decoded once and cached after, and which of them are bad.

    The cache identifies a file by its path, size and time of change, and does not read it.

    Args:
        paths: N files.
        decoding: how they become images of one size.
        jobs: processes to decode in.
        on_done: called with the number of images done since the last call.

    Raises:
        RunError: a worker process died.
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
