"""Pixels kept on disk, made once, and mapped into memory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from rnc_graph.data.cache import OnDone, cache_dir
from rnc_graph.vision.decoding import DECODER, BadImage, Decoding, decode_all
from rnc_graph.vision.store import PackedImages
from rnc_graph.workers import worker_pool

T = TypeVar("T")
Pixels = tuple[NDArray[np.uint8], list[BadImage]]
"""(n, H, W, C) pixels, and which of the n images are bad; their rows count from 0."""

# Images that a worker takes at a time.
_CHUNK = 128
# Below this, starting processes takes longer than the work.
_WORTH_PROCESSES = 500
# Chunks that each worker has before it: bounds the memory, and keeps it busy.
_AHEAD = 2


@dataclass(frozen=True)
class Packed:
    """N images, row by row what was asked for.

    Attributes:
        images: a bad one is black.
        bad: those that could not be made, by row.
    """

    images: PackedImages
    bad: list[BadImage]


def decoded_images(
    paths: Sequence[Path | str],
    decoding: Decoding,
    *,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> Packed:
    """Return the images of N files, decoded once and cached after.

    The cache knows a file by its path, size and time of change, so that a set of any size is found
    again without reading it.

    Args:
        paths: N files.
        decoding: how they become images of one size.
        jobs: processes to decode in.
        on_done: told how many more images are done.

    Raises:
        RncGraphError: a worker process died.
    """
    names = [str(path) for path in paths]
    # Pillow's decoders and resampling are part of what the pixels are.
    from PIL import __version__ as pillow

    key = digest([DECODER, pillow, asdict(decoding)], map(_stamp, names))
    shape = (decoding.size, decoding.size, decoding.channels)
    make = partial(decode_all, decoding=decoding)
    return packed_images(key, names, make, shape, jobs=jobs, on_done=on_done)


def packed_images(
    key: str,
    sources: Sequence[T],
    make: Callable[[Sequence[T]], Pixels],
    shape: tuple[int, int, int],
    *,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> Packed:
    """Return the images of N sources, made once and cached after.

    They are written to disk as they come and then mapped into memory. A cache that cannot be read
    or written costs time, never the result.

    Args:
        key: what stands for the sources and how they are made, as :func:`digest` gives it.
        sources: N of whatever ``make`` takes.
        make: n sources in, their pixels out; must be picklable for ``jobs`` above 1.
        shape: (H, W, C) of each image.
        jobs: processes to make them in.
        on_done: told how many more images are done.

    Raises:
        RncGraphError: a worker process died.
    """
    folder = cache_dir() / f"images-{key}"
    whole = (len(sources), *shape)
    found = _load(folder, whole)
    if found is not None:
        on_done(len(sources))
        return found
    chunks = (sources[first : first + _CHUNK] for first in range(0, len(sources), _CHUNK))
    jobs = jobs if len(sources) >= _WORTH_PROCESSES else 1
    parts = _told(_in_order(make, chunks, jobs), on_done)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError:
        return _in_memory(parts, whole)
    try:
        return _store(parts, temporary, folder, whole)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def packed_array(pixels: NDArray[np.uint8]) -> PackedImages:
    """Return N images that are in memory already, mapped from the cache after.

    So processes that share them share their pages of memory too, and none is sent a copy.

    Args:
        pixels: (N, H, W, C).
    """
    content = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
    rows = range(len(pixels))
    shape = pixels.shape[1], pixels.shape[2], pixels.shape[3]
    key = digest([content, pixels.shape], [])
    return packed_images(key, rows, lambda some: (pixels[list(some)], []), shape).images


def digest(how: Any, sources: Iterator[str] | Sequence[str]) -> str:
    """Return a short name for sources and how images are made of them."""
    name = hashlib.sha256(json.dumps(how).encode())
    for source in sources:
        # JSON tells where a text ends.
        name.update(json.dumps(source).encode())
    return name.hexdigest()[:32]


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return f"{os.path.abspath(path)} missing"
    # Unlike the time of the last writing, it also moves with permissions, and cannot be set back.
    return f"{os.path.abspath(path)} {status.st_size} {status.st_ctime_ns}"


def _in_order(
    make: Callable[[Sequence[T]], Pixels], chunks: Iterator[Sequence[T]], jobs: int
) -> Iterator[Pixels]:
    """Yield the pixels of each chunk in order, made in ``jobs`` processes."""
    if jobs == 1:
        yield from map(make, chunks)
        return
    waiting: deque[Future[Pixels]] = deque()
    with worker_pool(jobs, "nothing was kept of its images") as pool:
        for chunk in chunks:
            waiting.append(pool.submit(make, chunk))
            if len(waiting) > _AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _told(parts: Iterator[Pixels], on_done: OnDone) -> Iterator[Pixels]:
    """Count the rows of bad images from the first chunk's on, and tell of each chunk."""
    done = 0
    for pixels, bad in parts:
        yield pixels, [BadImage(done + b.row, b.path, b.reason) for b in bad]
        done += len(pixels)
        on_done(len(pixels))


def _in_memory(parts: Iterator[Pixels], shape: tuple[int, int, int, int]) -> Packed:
    """Gather images in memory."""
    stored = np.empty(shape, dtype=np.uint8)
    every: list[BadImage] = []
    done = 0
    for pixels, bad in parts:
        stored[done : done + len(pixels)] = pixels
        every += bad
        done += len(pixels)
    return Packed(PackedImages(torch.from_numpy(stored)), every)


def _store(
    parts: Iterator[Pixels], temporary: Path, folder: Path, shape: tuple[int, int, int, int]
) -> Packed:
    """Write the images as they come, put the folder in its place, and map it."""
    every: list[BadImage] = []
    done = 0
    for pixels, bad in parts:
        try:
            with (temporary / "pixels").open("ab") as file:
                file.write(pixels.tobytes())
        except OSError:
            # A full disk: what is written comes back, the others stay in memory.
            return _finished(temporary, iter([(pixels, bad), *parts]), shape, done, every)
        every += bad
        done += len(pixels)
    try:
        (temporary / "pixels").touch()
        note = {"shape": shape, "bad": [asdict(b) for b in every]}
        (temporary / "rest.json").write_text(json.dumps(note), encoding="utf-8")
        # What stands there was found wanting; another process may have replaced it since.
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(temporary, folder)
    except OSError:
        pass
    found = _load(folder, shape)
    if found is not None:
        return found
    return _finished(temporary, iter([]), shape, done, every)


def _finished(
    temporary: Path,
    parts: Iterator[Pixels],
    shape: tuple[int, int, int, int],
    done: int,
    bad: list[BadImage],
) -> Packed:
    """Put the ``done`` images of a folder that could not be finished before the others' pixels."""
    written = np.empty((0, *shape[1:]), dtype=np.uint8)
    if done:
        size = done * int(np.prod(shape[1:]))
        written = np.fromfile(temporary / "pixels", np.uint8, size).reshape(done, *shape[1:])
    return _in_memory(iter([(written, bad), *parts]), shape)


def _load(folder: Path, shape: tuple[int, int, int, int]) -> Packed | None:
    """Map a folder into memory; None where there is none, or it is not whole."""
    try:
        note = json.loads((folder / "rest.json").read_text(encoding="utf-8"))
        if tuple(note["shape"]) != shape:
            return None
        images = PackedImages.mapped(folder / "pixels", shape)
        return Packed(images, [BadImage(**bad) for bad in note["bad"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None
