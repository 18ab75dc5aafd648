import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.data.reading import LARGEST, MISSING, parse_number


@given(st.floats(-LARGEST, LARGEST, exclude_min=True, exclude_max=True))
def test_what_repr_writes_is_read_back(value: float) -> None:
    assert parse_number(f" {value!r}\t") == value


@given(st.text(max_size=12))
def test_any_text_is_a_number_missing_or_refused(text: str) -> None:
    try:
        value = parse_number(text)
    except ValueError as reason:
        if not str(reason):
            raise
    else:
        assert abs(value) < LARGEST or text.strip().lower() in MISSING


@pytest.mark.parametrize("text", ["", "NA", "NaN", "null", "None", "-", "n.d.", " N/A "])
def test_missing(text: str) -> None:
    assert math.isnan(parse_number(text))
    with pytest.raises(ValueError, match="missing"):
        parse_number(text, missing=False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("inf", "infinite"),
        ("-Infinity", "infinite"),
        ("<0.5", "bound"),
        ("1e18", "within"),
        ("1e999", "within"),
        ("0x10", "not a number"),
        ("1_0", "not a number"),
        ("1,5", "comma"),
        ("١", "not a number"),
        ("True", "not a number"),
    ],
)
def test_what_is_no_number(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_number(text)


def test_a_decimal_comma() -> None:
    assert parse_number("-1,5e1", decimal_comma=True) == -15
    with pytest.raises(ValueError, match="not a number"):
        parse_number("1,234,567", decimal_comma=True)
