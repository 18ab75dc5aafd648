import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.data.reading import LARGEST, MISSING, parse_number
from rnc_graph.data.reading.numbers import Decimal, decimal_of, split_relation
from rnc_graph.errors import BadValueError


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
        ("3.11 uM", "a number with a unit: leave 'uM' out"),
        ("12%", "a number with a unit: leave '%' out"),
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
    assert parse_number("-1,5e1", decimal=",") == -15
    with pytest.raises(ValueError, match="not a number"):
        parse_number("1,234,567", decimal=",")
    for text in ("3.75", "0.203", "1."):
        with pytest.raises(ValueError, match="a point is no decimal comma"):
            parse_number(text, decimal=",")


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,203", ".", 1203),
        ("1,203", ",", 1.203),
        ("1.203", ",", 1203),
        ("1.203", ".", 1.203),
        ("-1,234,567.5", ".", -1234567.5),
        ("1.234.567,5", ",", 1234567.5),
        ("\N{MINUS SIGN}4.5", None, -4.5),
    ],
)
def test_thousands(text: str, decimal: Decimal | None, value: float) -> None:
    assert parse_number(text, decimal=decimal) == value


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (["850", "1.5", "2e3"], None),
        (["1.203", "15.309"], None),
        (["850", "1,5"], ","),
        (["1,203", "0,7"], ","),
        (["1,203", "0,203"], ","),
        (["1,203", "15,3e-2"], ","),
        (["1.203,5", "850"], ","),
        (["1.203.500", "1.203"], ","),
        (["1,203", "850.5"], "."),
        (["1,203.5", "850"], "."),
        (["1,203,500", "1,203"], "."),
        (["1,203", "n.d.", "", "<5", "0.5"], "."),
    ],
)
def test_a_column_decides_what_its_commas_are(cells: list[str], decimal: Decimal | None) -> None:
    assert decimal_of(cells, "y", "t") == decimal
    assert decimal_of(cells[::-1], "y", "t") == decimal


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (["850", "1,203", "436", "15,309"], r"'1,203' \(row 2\) and '850' \(row 1\)"),
        (["1,203"], r"'1,203' \(row 1\) and '1,203' \(row 1\)"),
        (["1.5", "1,5"], r"'1.5' \(row 1\) and '1,5' \(row 2\)"),
        (["1,234,567", "1,2"], r"'1,234,567' \(row 1\) and '1,2' \(row 2\)"),
    ],
)
def test_an_ambiguous_column_is_refused_with_two_cells(cells: list[str], shown: str) -> None:
    with pytest.raises(BadValueError, match=f"t, column 'y': .*{shown}.*--decimal"):
        decimal_of(cells, "y", "t")


@given(st.lists(st.floats(1, 1e9).map(lambda x: round(x, 2)), min_size=1), st.booleans())
def test_thousands_written_by_python_are_read_back_or_refused(
    values: list[float], german: bool
) -> None:
    cells = [f"{value:,.2f}" for value in values]
    if german:
        cells = [cell.translate(str.maketrans(",.", ".,")) for cell in cells]
    sign = decimal_of(cells, "y", "t")
    assert [parse_number(cell, decimal=sign) for cell in cells] == values


@given(
    st.sampled_from([(">", 1), (">=", 1), ("≥", 1), ("<", -1), ("<=", -1), ("≤", -1), ("~", 0)]),
    st.sampled_from(["", " ", "  "]),
    st.floats(-1e17, 1e17),
)
def test_a_relation_is_split_from_its_number(
    relation: tuple[str, int], blank: str, value: float
) -> None:
    side, text = split_relation(f" {relation[0]}{blank}{value!r} ")
    assert (side, parse_number(text)) == (relation[1], value)
    assert split_relation(repr(value)) == (0, repr(value))
