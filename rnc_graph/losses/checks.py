"""Checks of the losses' arguments; cheap compared to the losses."""

import functools
import math
from collections.abc import Callable
from numbers import Real
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError, RunError

P = ParamSpec("P")
T = TypeVar("T")


def eager(function: Callable[P, T]) -> Callable[P, T]:
    """Exclude a function from ``torch.compile``, without loading the compiler."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if torch.compiler.is_compiling():
            excluded: Callable[P, T] = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
            return excluded(*args, **kwargs)
        return function(*args, **kwargs)

    return run


def first_order(backward: Callable[..., T]) -> Callable[..., T]:
    """Make the ``backward`` of an autograd function raise where its result is differentiated.

    ``torch.autograd.function.once_differentiable`` raises only if the incoming gradient requires
    a gradient; without one it returns second derivatives that lack terms.
    """

    @functools.wraps(backward)
    def run(ctx: Any, *gradients: Tensor) -> T:
        if torch.is_grad_enabled():
            raise RunError(
                "the losses have first derivatives only, got create_graph=True; compute second "
                "derivatives by finite differences, or of a loss written in plain PyTorch"
            )
        return backward(ctx, *gradients)

    return run


def check_positive(name: str, value: float) -> None:
    """Raise :class:`BadValueError` unless ``value`` is a positive, finite number."""
    if not isinstance(value, Real):
        raise BadValueError(
            f"{name} must be a plain number (it gets no gradient), got {type(value).__name__}"
        )
    if not 0 < value < math.inf:
        raise BadValueError(f"{name} must be positive and finite, got {value}")


def check_finite(name: str, values: Tensor, missing: bool = False) -> bool:
    """Return whether any value is NaN.

    Raises :class:`BadValueError` naming the rows of an infinite value, or of a NaN unless
    ``missing``.
    """
    values = values.detach()
    # Unless it overflows, a sum is finite if all its terms are: one pass, no memory.
    if not values.is_floating_point() or values.sum().isfinite():
        return False
    bad = values.isinf() if missing else ~values.isfinite()
    if bad.any():
        rows = bad.flatten(1).any(1).nonzero().flatten().tolist()
        shown = ", ".join(map(str, rows[:10])) + (", ..." if len(rows) > 10 else "")
        raise BadValueError(
            f"{name} must be finite{', or NaN where missing' * missing}, got {int(bad.sum())} "
            f"{'' if missing else 'NaN or '}infinite values in {len(rows)} rows: {shown}"
        )
    return bool(values.isnan().any())


def check_floating(name: str, values: Tensor) -> None:
    """Raise :class:`BadValueError` unless ``values`` are floating point."""
    if not values.is_floating_point():
        raise BadValueError(f"{name} must be floating point, got {values.dtype}")


def real_floats(name: str, values: Tensor, dtype: torch.dtype) -> Tensor:
    """Return integers and booleans as floats of ``dtype``, if exact in it, and floats as given."""
    if values.is_floating_point():
        return values
    floats, limit = values.to(dtype), 2 / torch.finfo(dtype).eps
    if (floats.abs() >= limit).any():
        raise BadValueError(
            f"{name} must be integers below {limit:.0f} in size, which {dtype} holds exactly, got "
            f"{int(values[floats.abs() >= limit][0])}"
        )
    return floats


def as_columns(labels: Tensor) -> Tensor:
    """Return labels of one target (B,) as (B, 1), and (B, t) as they are."""
    return labels[:, None] if labels.dim() == 1 else labels


class Shapes:
    """Checks tensors against shapes in letters; a letter is one size throughout."""

    # Sizes that may be 0: the queue is empty at first.
    MAY_BE_EMPTY = ("K",)

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def embeddings(self, name: str, values: Tensor, *letters: str) -> None:
        """Check a tensor of finite floats."""
        self.shape(name, values, letters)
        check_floating(name, values)
        check_finite(name, values)

    def targets(self, name: str, values: Tensor, *letters: str) -> bool:
        """Check a tensor of real numbers that are finite or NaN; return whether any is NaN."""
        self.shape(name, values, letters)
        if values.is_complex():
            raise BadValueError(f"{name} must be real, got {values.dtype}")
        return check_finite(name, values, missing=True)

    def classes(self, name: str, values: Tensor, *letters: str) -> None:
        """Check a tensor of integers."""
        self.shape(name, values, letters)
        if values.is_floating_point() or values.is_complex():
            raise BadValueError(f"{name} must be integers, got {values.dtype}")

    def mask(self, name: str, values: Tensor, *letters: str) -> None:
        """Check a tensor of booleans."""
        self.shape(name, values, letters)
        if values.dtype != torch.bool:
            raise BadValueError(f"{name} must be torch.bool, got {values.dtype}")

    def shape(self, name: str, values: Tensor, letters: tuple[str, ...]) -> None:
        """Check the shape alone."""
        shape = tuple(values.shape)
        known = {letter: self.sizes[letter] for letter in letters if letter in self.sizes}
        sizes = dict(zip(letters, shape, strict=False)) | known
        if len(shape) != len(letters) or shape != tuple(sizes[letter] for letter in letters):
            given = ", ".join(f"{letter} = {size}" for letter, size in known.items())
            raise BadValueError(
                f"{name} must be ({', '.join(letters)}{',' * (len(letters) == 1)})"
                f"{' with ' * bool(given)}{given}, got shape {shape}"
                + ("; with one view, add [:, None]" if "V" in letters and len(shape) == 2 else "")
            )
        for letter, size in sizes.items():
            if size == 0 and letter not in self.MAY_BE_EMPTY:
                raise BadValueError(f"{letter} must be at least 1, got {name} {shape}")
        self.sizes |= sizes
