"""The base of settings that users write: specs, stages, sets of images."""

from __future__ import annotations

import inspect
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Settings(BaseModel):
    """Frozen settings without unknown keys, where true and false are no numbers.

    Pydantic reads true as 1, and YAML reads ``yes`` and ``on`` as true.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Append what the fields mean to the docstring, for ``help``."""
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.__dict__.get("__doc__"):
            return
        meanings = {name: one.description for name, one in cls.model_fields.items()}
        lines = [f"    {name}: {meaning}" for name, meaning in meanings.items() if meaning]
        own = inspect.cleandoc(cls.__doc__ or "")
        cls.__doc__ = "\n".join([own, "", "Args:", *lines]) if lines else own

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_no_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        types = set(_types(cls.model_fields[str(info.field_name)].annotation))
        if types & {int, float} and not types & {bool, Any, BaseModel} and _has_boolean(value):
            raise ValueError("expected a number, got true or false (in YAML also yes, no, on, off)")
        return value


def _types(annotation: Any) -> list[Any]:
    """Return the types that an annotation is made of, with ``BaseModel`` for any model."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [BaseModel]
    inner = get_args(annotation)
    return [found for part in inner for found in _types(part)] if inner else [annotation]


def _has_boolean(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return any(map(_has_boolean, value)) if isinstance(value, list) else isinstance(value, bool)
