"""The packed store of images: all images of a set as one tensor, mapped into memory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnc_graph.errors import BadValueError


class PackedImages:
    """N images of one size; a batch is an indexed slice, without a Python loop over images.

    Each pixel's channels lie side by side (N, H, W, C), as convolutions want them on processors and
    as files of images hold them; a batch is seen as (B, C, H, W) in channels_last format.

    Args:
        stored: (S, H, W, C) uint8, C = 1 or 3.
        rows: (N,) which of the stored images these are, in order; None for all.

    Raises:
        RncGraphError: the tensor is of another type or shape.

    >>> images = PackedImages(torch.zeros(5, 8, 8, 3, dtype=torch.uint8))
    >>> len(images), tuple(images.batch(torch.tensor([4, 0, 4])).shape)
    (5, (3, 3, 8, 8))
    """

    def __init__(self, stored: Tensor, rows: Tensor | None = None) -> None:
        if stored.dtype != torch.uint8 or stored.dim() != 4 or stored.shape[3] not in (1, 3):
            raise BadValueError(
                "images: right is a uint8 tensor (N, H, W, C) with C = 1 or 3, found "
                f"{stored.dtype} {tuple(stored.shape)}"
            )
        self._stored = stored
        self._rows = rows
        self._path: Path | None = None

    @classmethod
    def mapped(cls, path: Path, shape: tuple[int, int, int, int]) -> PackedImages:
        """Map a file of S * H * W * C bytes into memory.

        Args:
            path: the file.
            shape: (S, H, W, C).

        Raises:
            RncGraphError: the file is missing, or of another size.
        """
        size = int(np.prod(shape, dtype=np.int64))
        try:
            found = path.stat().st_size
        except OSError as error:
            raise BadValueError(
                f"{path}: packed images cannot be read: {error.strerror}"
            ) from error
        if found != size:
            raise BadValueError(
                f"{path}: packed images of shape {shape} take {size} bytes, found {found}"
            )
        # An empty file cannot be mapped. Copy on write, since torch takes no read-only arrays;
        # nothing is ever written.
        flat = np.memmap(path, np.uint8, mode="c") if size else np.empty(0, np.uint8)
        images = cls(torch.from_numpy(np.asarray(flat)).view(shape))
        images._path = path
        return images

    def __len__(self) -> int:
        return len(self._stored) if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each image."""
        _, height, width, channels = self._stored.shape
        return channels, height, width

    def batch(self, index: Tensor) -> Tensor:
        """Return B images, in the order of ``index`` (B,); an index may repeat.

        Returns:
            (B, C, H, W) uint8, 0 to 255, in channels_last format.
        """
        rows = index if self._rows is None else self._rows[index]
        return self._stored.index_select(0, rows).permute(0, 3, 1, 2)

    def take(self, rows: Tensor) -> PackedImages:
        """Return some of the images, in the order of ``rows`` (M,); nothing is copied."""
        taken = PackedImages(self._stored, rows if self._rows is None else self._rows[rows])
        taken._path = self._path
        return taken

    def digests(self) -> list[bytes]:
        """Return the SHA-256 digest of each image's pixels."""
        found = []
        for index in torch.split(torch.arange(len(self)), 256):
            for image in self.batch(index).contiguous().numpy():
                found.append(hashlib.sha256(image.tobytes()).digest())
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Cross to another process by path where there is one: the pixels stay in their file."""
        if self._path is None:
            return {"stored": self._stored, "rows": self._rows}
        return {"path": self._path, "shape": tuple(self._stored.shape), "rows": self._rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        path: Path | None = state.get("path")
        stored = state["stored"] if path is None else self.mapped(path, state["shape"])._stored
        self._stored, self._rows, self._path = stored, state["rows"], path
