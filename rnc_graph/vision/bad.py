"""Images that cannot be used, and messages about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError

OnBad = Literal["raise", "skip"]


@dataclass(frozen=True)
class BadImage:
    """An image that cannot be used.

    Attributes:
        row: from 0 in the source.
        path: of its file, or another name.
        reason: why, in words.
    """

    row: int
    path: str
    reason: str


Pixels = tuple[NDArray[np.uint8], list[BadImage]]
"""(n, H, W, C) pixels, and which of the n images are bad; their rows count from 0."""


def check_bad(bad: Sequence[BadImage], on_bad: OnBad, source: str) -> None:
    """Raise :class:`BadValueError` listing the bad images, unless ``on_bad`` is "skip".

    Args:
        bad: bad images.
        on_bad: "skip" or "raise".
        source: where they are from, for the message.
    """
    if on_bad not in ("skip", "raise"):
        raise BadValueError(f"on_bad: expected 'skip' or 'raise', got {on_bad!r}")
    if bad and on_bad == "raise":
        raise BadValueError(described(bad, source) + "\non_bad: skip leaves them out")


def described(bad: Sequence[BadImage], source: str) -> str:
    """Return a message that lists the first ten bad images."""
    shown = [f"  row {b.row + 1}: {b.path[:200]}: {b.reason}" for b in bad[:10]]
    if len(bad) > len(shown):
        shown.append(f"  and {len(bad) - len(shown)} more")
    are = "image cannot" if len(bad) == 1 else "images cannot"
    return "\n".join([f"{source}: {len(bad)} {are} be used (rows from 1)", *shown])
