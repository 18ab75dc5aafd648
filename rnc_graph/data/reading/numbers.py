"""Numbers as people write them into tables."""

import math
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError

# float32 and its squares hold values up to here: no measured quantity comes near.
LARGEST = 1e18

# A value that was not measured, in any case of letters.
MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", "n.d.", "nd", "<na>")
)

Decimal = Literal[".", ","]


class Number(str):
    """The text of a cell that holds a number, no text: its point is a decimal point."""

    __slots__ = ()


class Percentage(Number):
    """The number of a cell that is shown as a hundred times as much, with a "%"."""

    __slots__ = ()


_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(rf"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+){_EXPONENT}", re.ASCII)
_RELATION = re.compile(r"(>>|>=|<<|<=|==|[<>=~≤≥≈])\s*(.*)")
_SIDES = {">": 1, "≥": 1, "<": -1, "≤": -1, "=": 0, "~": 0, "≈": 0}
# "1,203,000.5" and "1.203.000,5": groups of three digits, the first without leading zeros.
_GROUPED = {
    ".": re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+(?:\.[0-9]*)?{_EXPONENT}", re.ASCII),
    ",": re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+(?:,[0-9]*)?{_EXPONENT}", re.ASCII),
}
_WITH_UNIT = re.compile(r"[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?\s*([^\W\d_]\D*|%|°\D*)")
_COMMA = re.compile(rf"[+-]?[0-9]+,[0-9]+{_EXPONENT}", re.ASCII)


def check_percentages(
    cells: Sequence[str], column: str, source: str, rows: Sequence[int]
) -> list[str]:
    """Return a note where the numbers of a column are percentages.

    Raises:
        BadValueError: some are, and others are not.
    """
    found = [isinstance(cell, Percentage) for cell in cells]
    if not any(found):
        return []
    first = rows[found.index(True)]
    for row, cell, is_percentage in zip(rows, cells, found, strict=True):
        if not is_percentage and _NUMBER.fullmatch(_plain(cell)):
            raise BadValueError(
                f"{source}: column {column!r} has percentages (row {first}) beside plain "
                f"numbers (row {row}); give its cells one format"
            )
    return [f"percentages of column {column!r} are read as 0.1 for 10%"]


def decimal_of(
    cells: Sequence[str], column: str, source: str, rows: Sequence[int] | None = None
) -> Decimal | None:
    """Return the decimal sign of a column of numbers, None where no cell holds a comma.

    "1,5" and "0,203" show a decimal comma; "1,203.5", "1,203,000", and "1.5" beside "1,203", show
    commas between thousands.

    Args:
        cells: all cells of the column.
        column: its name, for messages.
        source: name of the table, for messages.
        rows: the number of each cell's row, for messages; from 1 by default.

    Raises:
        RncGraphError: the cells contradict each other, or all may be read either way.

    >>> decimal_of(["850", "1,203", "0,7"], "y", "t.csv")
    ','
    """
    first: dict[str, int] = {}
    grouped = False
    for number, cell in enumerate(cells):
        if isinstance(cell, Number):
            continue
        text = _plain(cell)
        as_group = bool(_GROUPED["."].fullmatch(text))
        as_point = as_group or bool(_NUMBER.fullmatch(text))
        as_comma = bool(_COMMA.fullmatch(text) or _GROUPED[","].fullmatch(text))
        grouped = grouped or (as_group and "," in text)
        if "," in text and as_point and as_comma:
            first.setdefault("unclear", number)
        elif ("," in text and as_comma) or (text.count(".") > 1 and as_comma):
            first.setdefault(",", number)
        elif ("." in text or "," in text) and as_point and not as_comma:
            first.setdefault(".", number)
    points, commas, unclear = (first.get(kind) for kind in (".", ",", "unclear"))
    if points is not None and commas is not None:
        shown = [points, commas]
    elif unclear is not None and points is None and commas is None:
        others = (n for n, cell in enumerate(cells) if _plain(cell)[:1].isdigit())
        shown = [unclear, next((n for n in others if cells[n] != cells[unclear]), unclear)]
    else:
        return "," if commas is not None else "." if unclear is not None or grouped else None
    one, other = (f"{cells[n]!r} (row {n + 1 if rows is None else rows[n]})" for n in shown)
    raise BadValueError(
        f"{source}, column {column!r}: expected one way of writing numbers, got {one} and {other}: "
        "is the comma a decimal sign or between thousands? say it with --decimal , or --decimal ."
    )


def how_read(cells: Sequence[str], decimal: Decimal) -> str:
    """Say how the numbers of a column are read by what :func:`decimal_of` found.

    >>> how_read(["850", "0,7"], ",")
    "such as '0,7' are read with a decimal comma"
    >>> how_read(["1.250", "0,7"], ",")
    "such as '0,7' are read with a decimal comma, and '1.250' as 1250"
    """
    own = [
        cell
        for cell in cells
        if not isinstance(cell, Number)
        and (_GROUPED[decimal].fullmatch(_plain(cell)) or _COMMA.fullmatch(_plain(cell)))
    ]
    shown = next(cell for cell in own if "," in cell or cell.count(".") > 1)
    if decimal == ".":
        return f"such as {shown!r} are read with commas between thousands"
    point = next((cell for cell in own if cell.count(".") == 1 and "," not in cell), None)
    also = f", and {point!r} as {parse_number(point, decimal=decimal):g}" if point else ""
    return f"such as {shown!r} are read with a decimal comma{also}"


def _plain(text: str) -> str:
    # Word processors write a minus of their own.
    return text.strip().replace("\N{MINUS SIGN}", "-")


def split_relation(text: str) -> tuple[int, str]:
    """Return on which side of the number in a cell the value lies, and the number's text.

    1 for ">" and ">=", -1 for "<" and "<=", 0 for "=", "~" and for none of them.

    >>> split_relation("> 100"), split_relation("~5"), split_relation("7")
    ((1, '100'), (0, '5'), (0, '7'))
    """
    found = _RELATION.fullmatch(text.strip())
    if found is None:
        return 0, text
    return _SIDES[found[1][0]], found[2]


def side_of(relation: str) -> int:
    """Return what a cell of a column of relations says, as :func:`split_relation` does.

    Raises:
        ValueError: it says something else; the message is the reason.

    >>> side_of("'>='"), side_of("="), side_of("")  # ChEMBL puts quotes around it.
    (1, 0, 0)
    """
    side, rest = split_relation(relation.strip().strip("'"))
    if rest:
        raise ValueError(f"its relation: expected =, < or >, got {relation[:80]!r}")
    return side


def looks_numeric(text: str) -> bool:
    """Return whether a cell is a number in one way of writing or another."""
    text = _plain(text)
    patterns = (_NUMBER, _COMMA, *_GROUPED.values())
    return any(pattern.fullmatch(text) for pattern in patterns)


def parse_number(text: str, *, missing: bool = True, decimal: Decimal | None = None) -> float:
    """Return the number that ``text`` spells, NaN for one of ``MISSING``.

    Args:
        text: a cell.
        missing: whether a missing value is allowed.
        decimal: the decimal sign; the other sign may stand between thousands. None allows a decimal
            point and no comma. A :class:`Number` has a decimal point whatever it is.

    Raises:
        ValueError: it is no number, or beyond ``LARGEST``; the message is the reason.

    >>> parse_number(" 2.5 "), parse_number("1.203,5", decimal=","), parse_number("n.d.")
    (2.5, 1203.5, nan)
    """
    decimal = None if isinstance(text, Number) else decimal
    text = _plain(text)
    if decimal is not None and _GROUPED[decimal].fullmatch(text):
        value = float(text.replace("," if decimal == "." else ".", "").replace(",", "."))
    elif _NUMBER.fullmatch(text) and not (decimal == "," and "." in text):
        value = float(text)
    elif text.lower() in MISSING:
        if not missing:
            raise ValueError("a missing value")
        return math.nan
    elif decimal == "," and _COMMA.fullmatch(text):
        value = float(text.replace(",", "."))
    else:
        raise ValueError(_reason(text))
    if not abs(value) < LARGEST:
        raise ValueError(f"not within {LARGEST:g}")
    return value


def parse_column(
    cells: Sequence[str], *, bounds: bool, missing: bool, decimal: Decimal | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int8], dict[int, str]]:
    """Return the numbers of N cells, their sides as of :func:`split_relation`, and what is wrong.

    ``bounds`` reads cells such as ">100" as bounds; the other options are those of
    :func:`parse_number`. A number is NaN where it is missing, or wrong: the reasons are by place.
    """
    values = np.full(len(cells), np.nan)
    sides = np.zeros(len(cells), dtype=np.int8)
    wrong: dict[int, str] = {}
    for place, cell in enumerate(cells):
        side, text = split_relation(cell) if bounds else (0, cell)
        try:
            values[place] = parse_number(text, missing=missing, decimal=decimal)
        except ValueError as reason:
            wrong[place] = str(reason)
        if not math.isnan(values[place]):
            sides[place] = side
    return values, sides, wrong


def add_relations(
    sides: NDArray[np.int8], values: NDArray[np.float64], relations: Sequence[str]
) -> dict[int, str]:
    """Set the sides that cells do not say by a column of relations; return what is wrong of it."""
    wrong: dict[int, str] = {}
    for place in np.flatnonzero(~np.isnan(values) & (sides == 0)).tolist():
        try:
            sides[place] = side_of(relations[place])
        except ValueError as reason:
            wrong[place] = str(reason)
    return wrong


def _reason(text: str) -> str:
    if text.lower().lstrip("+-") in {"inf", "infinity"}:
        return "infinite"
    if text[:1] in {"<", ">", "~", "≤", "≥"}:
        return "a bound, not a number"
    if _NUMBER.fullmatch(text):
        return "not a number: a point is no decimal comma here"
    if _COMMA.fullmatch(text):
        return "not a number: a comma is no decimal point here"
    if found := _WITH_UNIT.fullmatch(text):
        unit = found[1].strip()
        return f"a number with a unit: leave {unit!r} out (--unit takes the unit of a column)"
    return "not a number"
