"""Packed images: all images of a set as one tensor, mapped into memory from the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnc_graph.data.cache import Entry, OnDone, cached, stored
from rnc_graph.errors import BadValueError, FileError
from rnc_graph.vision.decoding import Pixels
from rnc_graph.workers import in_order

T = TypeVar("T")
_CHUNK = 128  # Images that a worker takes at a time.
_WORTH_PROCESSES = 500  # Below this, starting processes takes longer than the work.


class PackedImages:
    """N images of one size; a batch is an indexed slice, without a Python loop over images.

    They are the rows (N,) of ``stored`` (S, H, W, C), uint8 with C = 1 or 3, or all; ``path`` is
    the file that this is mapped from, None for a tensor in memory.
    """

    def __init__(
        self, stored: Tensor, rows: Tensor | None = None, path: Path | None = None
    ) -> None:
        if stored.dtype != torch.uint8 or stored.dim() != 4 or stored.shape[3] not in (1, 3):
            raise BadValueError(
                "images: expected a uint8 tensor (N, H, W, C) with C = 1 or 3, got "
                f"{stored.dtype} {tuple(stored.shape)}"
            )
        self._stored, self._rows, self._path = stored, rows, path

    def __len__(self) -> int:
        return len(self._stored) if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each image."""
        _, height, width, channels = self._stored.shape
        return channels, height, width

    def batch(self, index: Tensor) -> Tensor:
        """Return B images (B, C, H, W), uint8, in the order of ``index`` (B,), which may repeat.

        The channels of a pixel are side by side in memory.
        """
        rows = index if self._rows is None else self._rows[index]
        return self._stored.index_select(0, rows).permute(0, 3, 1, 2)

    def take(self, rows: Tensor) -> PackedImages:
        """Return some of the images, in the order of ``rows`` (M,); nothing is copied."""
        rows = rows if self._rows is None else self._rows[rows]
        return PackedImages(self._stored, rows, self._path)

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
        stored = state["stored"] if path is None else _mapped(path, state["shape"])
        self._stored, self._rows, self._path = stored, state["rows"], path


def packed_images(
    key: str,
    sources: Sequence[T],
    make: Callable[[Sequence[T]], Pixels],
    shape: tuple[int, int, int],
    *,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> tuple[PackedImages, dict[int, str]]:
    """Return the images of N sources, made once and cached after, and why some cannot be used.

    Args:
        key: identifies the sources and how images are made of them, as :func:`digest` returns it.
        sources: N of whatever ``make`` takes.
        make: n sources in, their pixels out; must be picklable for ``jobs`` above 1.
        shape: (H, W, C) of each image.
        jobs: processes to make them in.
        on_done: called with the number of images done since the last call.
    """
    jobs = jobs if len(sources) >= _WORTH_PROCESSES else 1

    def parts() -> Iterator[Entry]:
        chunks = (sources[first : first + _CHUNK] for first in range(0, len(sources), _CHUNK))
        done = 0
        for pixels, bad in in_order(make, chunks, jobs, "nothing was kept of its images"):
            rows = [[done + row, reason] for row, reason in bad.items()]
            yield Entry({"pixels": pixels}, {"bad": rows})
            done += len(pixels)
            on_done(len(pixels))

    key, layout = f"images-{key}", {"pixels": (np.uint8, shape)}
    entry = stored(key, layout)
    if entry is not None:
        on_done(len(sources))
    else:
        entry = cached(key, layout, parts)
    path = entry.folder / "pixels" if entry.folder else None
    images = PackedImages(torch.from_numpy(entry.arrays["pixels"]), path=path)
    # The row comes first and the reason last.
    return images, {values[0]: values[-1] for values in entry.notes.get("bad", ())}


def packed_array(pixels: NDArray[np.uint8]) -> PackedImages:
    """Return N images (N, H, W, C) that are in memory already, mapped from the cache after.

    Processes that use them share their pages of memory, and none is sent a copy.
    """
    content = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
    shape = pixels.shape[1], pixels.shape[2], pixels.shape[3]
    key = digest([content, pixels.shape], [])
    rows = range(len(pixels))
    return packed_images(key, rows, lambda some: (pixels[list(some)], {}), shape)[0]


def digest(how: Any, sources: Iterable[str]) -> str:
    """Return a short name for sources and how images are made of them."""
    name = hashlib.sha256(json.dumps(how).encode())
    for source in sources:
        name.update(json.dumps(source).encode())  # JSON marks the end of a text.
    return name.hexdigest()[:32]


def _mapped(path: Path, shape: tuple[int, ...]) -> Tensor:
    """Map the pixels of an entry that another process has verified."""
    if 0 in shape:  # An empty file cannot be mapped.
        return torch.empty(shape, dtype=torch.uint8)
    try:
        flat = np.memmap(path, np.uint8, mode="c", shape=shape)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot map images of shape {shape}: {error}") from error
    return torch.from_numpy(np.asarray(flat))
