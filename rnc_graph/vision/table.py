"""Tables of images and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.table import FloatArray

SETS = ("train", "val", "test")
"""The names of the sets of a published split."""


@dataclass(frozen=True)
class ImageTable:
    """N images with their targets, in the order of their source.

    Attributes:
        name: name of the table in messages and results.
        images: name of each image: the path of its file, or a label.
        targets: (N, t) values in ``unit``, or class indices.
        target_names: the t columns of ``targets``.
        unit: unit of the targets, "" where unknown or for classes.
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
        """Return a table whose target is a class.

        Args:
            name: see :class:`ImageTable`.
            images: see :class:`ImageTable`.
            labels: N class indices.
            split: N names of sets; None without a published split.
            classes: names of the classes.
        """
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
