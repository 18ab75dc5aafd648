"""A set of images ready for training: its table and its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from rnc_graph.data.cache import OnDone
from rnc_graph.errors import BadValueError
from rnc_graph.vision.cache import decoded_images
from rnc_graph.vision.decoding import BadImage, Decoding
from rnc_graph.vision.hierarchies import Hierarchy, superclass_of
from rnc_graph.vision.store import PackedImages
from rnc_graph.vision.table import ImageTable

OnBad = Literal["raise", "skip"]


@dataclass(frozen=True)
class ImageData:
    """N images: their table and their pixels, row by row the same.

    Attributes:
        table: what they are and their targets.
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
        table: N images that are called by the paths of their files.
        decoding: how they become images of one size.
        on_bad: "skip" leaves out images that are missing or corrupt, "raise" raises an error.
        jobs: processes to decode in.
        on_done: told how many more images are done.

    Raises:
        RncGraphError: an image is missing or corrupt and not to be skipped, or none is left.
    """
    packed = decoded_images(table.images, decoding, jobs=jobs, on_done=on_done)
    rows = np.asarray(table.rows)
    spoiled = [BadImage(int(rows[b.row]) - 1, b.path, b.reason) for b in packed.bad]
    if not spoiled:
        return ImageData(table, packed.images)
    check_bad(spoiled, on_bad, table.name)
    good = np.setdiff1d(np.arange(len(table)), [b.row for b in packed.bad])
    if len(good) == 0:
        raise BadValueError(described(spoiled, table.name) + "\nno image is left")
    return ImageData(table.take(good), packed.images.take(torch.from_numpy(good)), tuple(spoiled))


def check_bad(found: Sequence[BadImage], on_bad: OnBad, source: str) -> None:
    """Raise :class:`RncGraphError` naming the bad images, if there are any and that is asked for.

    Args:
        found: bad images.
        on_bad: "skip" lets them be.
        source: what messages call the place they came from.
    """
    if on_bad not in ("skip", "raise"):
        raise BadValueError(f"on_bad: found {on_bad!r}, right is 'skip' or 'raise'")
    if found and on_bad == "raise":
        raise BadValueError(described(found, source) + "\non_bad: skip leaves them out")


def described(bad: Sequence[BadImage], source: str) -> str:
    """Return a message that names the first ten."""
    shown = [f"  row {b.row + 1}: {b.path}: {b.reason}" for b in bad[:10]]
    if len(bad) > len(shown):
        shown.append(f"  and {len(bad) - len(shown)} more")
    are = "image cannot" if len(bad) == 1 else "images cannot"
    return "\n".join([f"{source}: {len(bad)} {are} be used (rows from 1)", *shown])
