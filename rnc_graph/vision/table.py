"""Tables of images and targets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.table import FloatArray

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class ImageTable:
    """N images with their targets, in the order of their source.

    Attributes:
        name: what messages and results call the table.
        images: what each of the N images is called: the path of its file, or a label.
        targets: (N, t) measured values in ``unit``, or numbers of classes from 0.
        target_names: the t columns of ``targets``.
        unit: unit of the targets, "" where unknown or where they are classes.
        parts: (N,) "train", "val" or "test", the part of a published split that each image is in;
            None where there is none.
        classes: names of the classes whose numbers the target is, none for a measured one.
        source_rows: (N,) the number of each image in its source, from 1; None where all are here.
    """

    name: str
    images: list[str]
    targets: FloatArray
    target_names: list[str]
    unit: str = ""
    parts: NDArray[np.str_] | None = None
    classes: tuple[str, ...] = ()
    source_rows: NDArray[np.int64] | None = None

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
        """(N,) the number of each image's class."""
        return self.targets[:, 0].astype(np.int64)

    def part(self, name: str) -> NDArray[np.int64]:
        """Return the rows (from 0) of a part, rising; none where there is no published split."""
        if self.parts is None:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(self.parts == name)

    def take(self, rows: NDArray[np.int64]) -> ImageTable:
        """Return some of the rows, which keep their numbers."""
        return replace(
            self,
            images=[self.images[row] for row in rows],
            targets=self.targets[rows],
            parts=None if self.parts is None else self.parts[rows],
            source_rows=self.rows[rows],
        )
