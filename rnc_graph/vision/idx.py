"""IDX files: the arrays of bytes that MNIST and its relatives come in."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError, unreadable


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, gzipped where its name ends in .gz.

    Args:
        path: the file.
        dimensions: how many the array must have: 3 for images (N, H, W), 1 for labels (N,).

    Raises:
        RncGraphError: the file is missing, cut, no IDX file, or has other dimensions.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadValueError(f"{path}: is no whole gzip file: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error
    # Two zeros, 8 for unsigned bytes, the number of dimensions; then the length of each.
    magic = bytes((0, 0, 8, dimensions))
    if content[:4] != magic:
        raise BadValueError(
            f"{path}: begins with {content[:4].hex() or 'nothing'}, right is {magic.hex()}, an IDX "
            f"file of bytes in {dimensions} dimensions"
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise BadValueError(f"{path}: ends within its head, at {len(content)} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    size = int(np.prod(shape, dtype=np.int64))
    if len(content) - start != size:
        raise BadValueError(
            f"{path}: an array of {shape} takes {size} bytes, found {len(content) - start}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
