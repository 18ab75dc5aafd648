"""Keys and values of specs that have other names now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

RENAMED_KEYS = {
    "optimiser": "optimizer",
    "modules": "plugins",
    "own_modules": "plugins",
    "bad": "on_bad",
    "grey": "gray",
    "colour_jitter": "color_jitter",
    "greyscale": "grayscale",
    "outside": "ood",
}
"""The new name of each old key."""

_NAMED_BY_USERS = {
    *("splits", "encoders", "seeds", "grid", "include", "exclude", "only", "axes"),
    *("arguments", "objective", "splitter", "transform", "relation", "ranges", "tracking"),
}
"""Sections whose keys are names that users choose, or options of their own components."""

RENAMED_VALUES = {
    ("bad", "refuse"): "raise",
    ("on_bad", "refuse"): "raise",
    ("on_bad", "stop"): "raise",
}
"""The new value of an old one, by key and value."""


def renamed_keys(raw: Any, *above: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield the location of each old key or value of a spec, and what it is called now."""
    if isinstance(raw, list):
        for number, value in enumerate(raw):
            yield from renamed_keys(value, *above, number)
    if not isinstance(raw, dict):
        return
    for key, value in raw.items():
        new_key = RENAMED_KEYS.get(key, key)
        new_value = RENAMED_VALUES.get((key, value)) if isinstance(value, str) else None
        if new_key != key and new_value:
            yield (*above, key), f"is now called `{new_key}: {new_value}`"
        elif new_key != key:
            yield (*above, key), f"is now called `{new_key}`"
        elif new_value:
            yield (*above, key), f"{value!r} is now called {new_value!r}"
        if key not in _NAMED_BY_USERS:
            yield from renamed_keys(value, *above, key)
