"""Templates filled with values, of which every text is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(package: str, template: str, style: str, **values: Any) -> str:
    """Return the page of a template; ``markupsafe.Markup`` among the values stays as it is.

    ``template`` and ``style``, of CSS, are files of the package; ``values`` have all that the
    template names.
    """
    css = (files(package) / style).read_text(encoding="utf-8")
    return _environment(package).get_template(template).render(style=Markup(css), **values)


def labeled(svg: str, label: str) -> Markup:
    """Return an SVG of our own making with a label that screen readers say."""
    head = Markup('<svg role="img" aria-label="{}" ').format(label)
    return Markup(svg.replace("<svg ", head, 1))
