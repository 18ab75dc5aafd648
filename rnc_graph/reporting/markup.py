"""Text as Markdown, LaTeX and HTML: what a user named stays text, whatever is in the name."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "—": "---",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def latex(text: str) -> str:
    r"""Return text that LaTeX prints as it is.

    >>> latex("50%_a")
    '50\\%\\_a'
    """
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def markdown(text: str) -> str:
    r"""Return text that Markdown shows as it is, in a table too.

    >>> markdown("a|b <img> *c*")
    'a\\|b &lt;img&gt; \\*c\\*'
    """
    # A bracket matters before a parenthesis, in a link; an underscore at the end of a word.
    text = re.sub(r"[\\`*|~$]|\](?=\()|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", one_line(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Return text as code in a line of Markdown, whatever backticks are in it.

    >>> code("a`b")
    '`` a`b ``'
    """
    text = one_line(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"`{text}`"


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as the lines of Markdown; cells are escaped."""
    rows = [list(map(markdown, header)), ["---"] * len(header)]
    rows += [list(map(markdown, line)) for line in lines]
    return [f"| {' | '.join(row)} |" for row in rows]


def one_line(text: str) -> str:
    """Return text without line breaks and control characters."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)
