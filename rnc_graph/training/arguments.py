"""What the arguments of TwoStage may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from torch import nn

from rnc_graph.encoders.graph import READOUTS
from rnc_graph.errors import BadValueError
from rnc_graph.training.config import TrainerConfig


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _is_transform(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _are(fit: Callable[[Any], bool], values: Any) -> bool:
    return isinstance(values, Iterable) and all(map(fit, values))


# Which values of an argument fit, and what is expected.
_ARGUMENTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "encoder": (
        lambda encoder: isinstance(encoder, str) or callable(encoder),
        "a name, an import path, a class or a torch module",
    ),
    "encoder_options": (lambda options: isinstance(options, Mapping | None), "a dict"),
    "loss": (lambda loss: isinstance(loss, nn.Module | str | None), "a module, a name or None"),
    "loss_weight": (lambda weight: weight is None or _is_number(weight), "a number or None"),
    "transform": (
        lambda t: t is None or _is_transform(t) or _are(_is_transform, t),
        "an augmentation or a list of them, such as [MaskAttributes(0.1)]",
    ),
    "views": (_is_count, "an integer of at least 1"),
    "projection_dim": (lambda d: d is None or _is_count(d), "an integer of at least 1 or None"),
    "head_hidden": (
        lambda widths: _are(_is_count, widths),
        "a list of widths of at least 1, such as [32]",
    ),
    "head_dropout": (lambda share: _is_number(share) and 0 <= share < 1, "a number in [0, 1)"),
    "readout": (lambda r: r is None or r in READOUTS, f"one of {', '.join(READOUTS)}, or None"),
    "n_classes": (lambda c: c is None or _is_count(c), "an integer of at least 1 or None"),
    "trainer": (lambda trainer: isinstance(trainer, TrainerConfig), "a TrainerConfig"),
}


def checked_seed(seed: Any) -> int:
    """Return a seed as an integer of Python; raise :class:`BadValueError` for anything else."""
    if not isinstance(seed, Integral) or not -(2**63) <= int(seed) < 2**63:
        raise BadValueError(f"seed: expected an integer of 64 bits, got {seed!r}")
    return int(seed)


def check_arguments(given: Mapping[str, Any]) -> None:
    """Raise :class:`BadValueError` for an argument of a wrong type or value, by its name."""
    for name, (fits, expected) in _ARGUMENTS.items():
        if not fits(given[name]):
            raise BadValueError(f"{name}: expected {expected}, got {given[name]!r}")
