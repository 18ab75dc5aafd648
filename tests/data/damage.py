"""Damage to the files of a folder."""

from __future__ import annotations

import random
from pathlib import Path


def flip_bits(folder: Path, draw: random.Random, most: int = 8) -> None:
    """Flip up to ``most`` different bits of a random file of a folder.

    Args:
        folder: of files, not all of them empty.
        draw: the file and the bits are drawn from it.
        most: number of bits; at least one.
    """
    path = draw.choice([path for path in sorted(folder.iterdir()) if path.stat().st_size])
    content = bytearray(path.read_bytes())
    for bit in draw.sample(range(8 * len(content)), draw.randint(1, min(most, len(content)))):
        content[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(content)
