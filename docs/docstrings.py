"""Griffe extension: the roles and literal blocks of the docstrings as Markdown."""

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|attr|data|mod|exc):`~?([\w.]+)`")
_LITERAL = re.compile(r"::(?=\n\n {4})")


class Roles(Extension):
    """``:class:`~a.b.C``` becomes a link to ``a.b.C``."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = _LITERAL.sub(":", text)
