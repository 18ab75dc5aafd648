"""What every loss asks of what it is given; cheap against the loss itself."""

import functools
import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError

P = ParamSpec("P")
T = TypeVar("T")


def eager(function: Callable[P, T]) -> Callable[P, T]:
    """Keep a function out of what ``torch.compile`` traces; its compiler is not loaded for it."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if torch.compiler.is_compiling():
            kept_out: Callable[P, T] = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
            return kept_out(*args, **kwargs)
        return function(*args, **kwargs)

    return run


def check_positive(name: str, value: float) -> None:
    """Raise :class:`BadValueError` unless ``value`` is a positive, finite number."""
    if not 0 < value < math.inf:
        raise BadValueError(f"{name} must be positive and finite, got {value}")


def check_finite(name: str, values: Tensor) -> None:
    """Raise :class:`BadValueError` naming the rows that hold a NaN or infinite value."""
    values = values.detach()
    # Without an overflow, a sum is finite if all its terms are: one pass, no memory.
    if not values.is_floating_point() or values.sum().isfinite():
        return
    finite = values.isfinite()
    if not finite.all():
        rows = (~finite.flatten(1).all(1)).nonzero().flatten().tolist()
        shown = ", ".join(map(str, rows[:10])) + (", ..." if len(rows) > 10 else "")
        raise BadValueError(
            f"{name} must be finite, got {int((~finite).sum())} NaN or infinite values "
            f"in {len(rows)} rows: {shown}"
        )


def check_missing(name: str, values: Tensor) -> bool:
    """Return whether any value is missing (NaN).

    Raises:
        BadValueError: a value is infinite.
    """
    values = values.detach()
    if not values.is_floating_point() or values.sum().isfinite():
        return False
    infinite = values.isinf()
    if infinite.any():
        rows = infinite.flatten(1).any(1).nonzero().flatten().tolist()
        shown = ", ".join(map(str, rows[:10])) + (", ..." if len(rows) > 10 else "")
        raise BadValueError(
            f"{name} must be finite, or NaN where missing, got {int(infinite.sum())} infinite "
            f"values in {len(rows)} rows: {shown}"
        )
    return bool(values.isnan().any())


class Shapes:
    """Checks tensors against shapes in letters; a letter stands for one size throughout.

    >>> shapes = Shapes()
    >>> shapes.embeddings("query", torch.ones(4, 3), "B", "d")
    >>> shapes.embeddings("key", torch.ones(4, 2), "B", "d")
    Traceback (most recent call last):
    ...
    rnc_graph.errors.BadValueError: key must be (B, d) with B = 4, d = 3, got shape (4, 2)
    """

    # Sizes that may be 0: an empty queue is legal.
    MAY_BE_EMPTY = ("K",)

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def embeddings(self, name: str, found: Tensor, *letters: str) -> None:
        """Check a tensor of finite floats."""
        self._shape(name, found, letters)
        if not found.is_floating_point():
            raise BadValueError(f"{name} must be floating point, got {found.dtype}")
        check_finite(name, found)

    def with_missing(self, name: str, found: Tensor, *letters: str) -> bool:
        """Check a tensor of floats that are finite or NaN; return whether any is NaN."""
        self._shape(name, found, letters)
        if not found.is_floating_point():
            raise BadValueError(f"{name} must be floating point, got {found.dtype}")
        return check_missing(name, found)

    def labels(self, name: str, found: Tensor, *letters: str) -> None:
        """Check a tensor of integers."""
        self._shape(name, found, letters)
        if found.is_floating_point() or found.is_complex():
            raise BadValueError(f"{name} must be integers, got {found.dtype}")

    def mask(self, name: str, found: Tensor, *letters: str) -> None:
        """Check a tensor of booleans."""
        self._shape(name, found, letters)
        if found.dtype != torch.bool:
            raise BadValueError(f"{name} must be torch.bool, got {found.dtype}")

    def _shape(self, name: str, found: Tensor, letters: tuple[str, ...]) -> None:
        shape = tuple(found.shape)
        known = {letter: self.sizes[letter] for letter in letters if letter in self.sizes}
        sizes = dict(zip(letters, shape, strict=False)) | known
        if len(shape) != len(letters) or shape != tuple(sizes[letter] for letter in letters):
            given = ", ".join(f"{letter} = {size}" for letter, size in known.items())
            raise BadValueError(
                f"{name} must be ({', '.join(letters)}{',' * (len(letters) == 1)})"
                f"{' with ' * bool(given)}{given}, got shape {shape}"
            )
        for letter, size in sizes.items():
            if size == 0 and letter not in self.MAY_BE_EMPTY:
                raise BadValueError(f"{letter} must be at least 1, got {name} {shape}")
        self.sizes |= sizes
