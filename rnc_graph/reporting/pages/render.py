"""Templates filled with values, of which every text is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


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
    style = (files(__package__) / "page.css").read_text(encoding="utf-8")
    return _environment().get_template(template).render(style=Markup(style), **values)


def labeled(svg: str, label: str) -> Markup:
    """Return an SVG of our own making with a label that screen readers say."""
    head = Markup('<svg role="img" aria-label="{}" ').format(label)
    return Markup(svg.replace("<svg ", head, 1))
