"""Templates filled with values, of which every text is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> str:
    """Return the page of a template of this folder; ``markupsafe.Markup`` stays as it is."""
    from importlib.resources import files

    from markupsafe import Markup

    style = (files(__package__) / "page.css").read_text(encoding="utf-8")
    return _environment().get_template(template).render(style=Markup(style), **values)
