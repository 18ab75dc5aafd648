"""Griffe extension: the roles, literal blocks and examples of the docstrings as Markdown."""

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|attr|data|mod|exc):`~?([\w.]+)`")
_LITERAL = re.compile(r"::(?=\n\n {4})")
# From the prompt to the next empty line: the session with what it prints.
_EXAMPLE = re.compile(r"^>>> .*?(?=\n\n(?!>>> )|\Z)", flags=re.MULTILINE | re.DOTALL)


class Docstrings(Extension):
    """Rewrites each docstring before its sections are parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring:
            text = _LITERAL.sub(":", _ROLE.sub(r"`\1`", obj.docstring.value))
            obj.docstring.value = _EXAMPLE.sub(r"```pycon\n\g<0>\n```", text)
