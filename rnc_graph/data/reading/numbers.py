"""Numbers as people write them into tables."""

import math
import re

# What float32 and its squares still hold: no measured quantity comes near.
LARGEST = 1e18

# What stands for a value that was not measured, in any case of letters.
MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", "n.d.", "nd", "<na>")
)

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?", re.ASCII)


def has_decimal_comma(text: str) -> bool:
    """Tell whether ``text`` is a number with a decimal comma."""
    return _COMMA.fullmatch(text.strip()) is not None


def parse_number(text: str, *, missing: bool = True, decimal_comma: bool = False) -> float:
    """Return the number that ``text`` spells, NaN for one of ``MISSING``.

    Args:
        text: a cell.
        missing: whether a missing value is allowed.
        decimal_comma: whether "1,5" is a number.

    Raises:
        ValueError: it is no number, or beyond ``LARGEST``; the message is the reason.

    >>> parse_number(" 2.5 "), parse_number("1,5", decimal_comma=True), parse_number("n.d.")
    (2.5, 1.5, nan)
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        value = float(text)
    elif text.lower() in MISSING:
        if not missing:
            raise ValueError("a missing value")
        return math.nan
    elif decimal_comma and _COMMA.fullmatch(text):
        value = float(text.replace(",", "."))
    else:
        raise ValueError(_reason(text))
    if not abs(value) < LARGEST:
        raise ValueError(f"not within {LARGEST:g}")
    return value


def _reason(text: str) -> str:
    if text.lower().lstrip("+-") in {"inf", "infinity"}:
        return "infinite"
    if text[:1] in {"<", ">", "~", "≤", "≥"}:
        return "a bound, not a number"
    if has_decimal_comma(text):
        return "not a number: a comma is no decimal point here"
    return "not a number"
