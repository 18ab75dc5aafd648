"""Parts that a spec names, with their options: losses, encoders, splitters, augmentations."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo
from torch import nn

from rnc_graph.data.samples import make_augmentation
from rnc_graph.errors import BadValueError
from rnc_graph.losses import LOSSES
from rnc_graph.registry import Registry

AxisValue = bool | float | str
"""A value on an axis of a grid."""


class Part(BaseModel):
    """One part of a registry: its name, and its options as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    def make(self, registry: Registry[Any]) -> Any:
        """Build the part."""
        return registry.make(self.name, **(self.model_extra or {}))

    def identity(self, registry: Registry[Any]) -> dict[str, Any]:
        """Return the name and every option, those left out with their defaults.

        Raises:
            RncGraphError: an option is nothing that a file can hold.
        """
        options = registry.options(self.name, self.model_extra or {})
        for option, value in options.items():
            try:
                json.dumps(value)
            except (TypeError, ValueError):
                raise BadValueError(
                    f"{registry.kind} {self.name!r}, option {option!r}: expected numbers, text, "
                    f"lists or mappings, its default included, got {value!r}"
                ) from None
        return {"name": self.name, **options}


def is_finished(info: ValidationInfo) -> bool:
    """Return whether the spec is that of finished runs, whose plugins are not loaded again."""
    return bool((info.context or {}).get("finished"))


def _loss_can_be_made(part: Part, info: ValidationInfo) -> Part:
    if is_finished(info):
        return part
    part.identity(LOSSES)
    made = part.make(LOSSES)
    if not isinstance(made, nn.Module):
        raise ValueError(
            f"objective {part.name!r}: expected an nn.Module, got a {type(made).__name__}"
        )
    return part


def _strength_or_options(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, dict):
        raise ValueError(f"expected a number, or options by name, got {value!r}")
    return value


def _augmentation_can_be_made(options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    if not is_finished(info):
        make_augmentation(options)
    return options


Objective = Annotated[Part, AfterValidator(_loss_can_be_made)]
Augmentation = Annotated[
    dict[str, Annotated[Any, AfterValidator(_strength_or_options)]],
    AfterValidator(_augmentation_can_be_made),
]
"""Augmentations by name, each with its strength, or with its options."""
