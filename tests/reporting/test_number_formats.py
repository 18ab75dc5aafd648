"""Numbers as text: small and large ones are not rounded away, and what is missing is a dash."""

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from rnc_graph.metrics import PairedDifference, Summary
from rnc_graph.reporting import numbers
from rnc_graph.reporting.console import print_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (-1.5, "-1.500"),
        (3e-7, "3.00e-07"),
        (2.5e9, "2.50e+09"),
        (float("nan"), "—"),
        (float("inf"), "infinite"),
    ],
)
def test_a_number(value: float, text: str):
    assert numbers.number(value) == text


def test_the_parts_of_one_result_have_one_format():
    assert numbers.mean_and_sd(Summary(0.5, 1e-5, (0.5, 0.5))) == "0.500 ± 0.000"
    assert numbers.mean_and_sd(Summary(3e-6, 1e-7, (3e-6, 3e-6))) == "3.00e-06 ± 1.00e-07"
    assert numbers.interval(-1e-5, 0.2) == "[-0.000, 0.200]"
    assert numbers.interval(None, None) == ""


@pytest.mark.parametrize(
    ("mean", "p_holm", "verdict"),
    [
        (-0.1, 0.01, "better"),
        (0.1, 0.01, "worse"),
        (-0.1, 0.05, "not significant"),
        (-0.1, None, "—"),
    ],
)
def test_a_verdict(mean: float, p_holm: float | None, verdict: str):
    found = PairedDifference(mean, mean - 1, mean + 1, p_holm, p_holm, 10)
    assert numbers.verdict(found) == verdict
    shown = numbers.verdict(replace(found, detectable=0.0321))
    assert shown == ("not significant (0.032)" if verdict == "not significant" else verdict)
    assert numbers.difference(found) == f"{mean:+.3f} [{mean - 1:+.3f}, {mean + 1:+.3f}]"


HEADER = ["method", "Δ test RMSE [95%]", "p (Holm)", "verdict", *[f"metric {n}" for n in range(9)]]
LINES = [
    [name, "-0.123 [-0.234, -0.012]", "< 0.001", "not significant", *["0.500 ± 0.010"] * 9]
    for name in ("plain", "m" * 60, ":x: [red]", "a\x1b[31m\n")
]


def printed(width: int, *, terminal: bool) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=terminal, no_color=True)
    print_table(console, HEADER, LINES, title="a [title] :x:")
    assert isinstance(console.file, StringIO)
    return re.sub(r"\x1b\[\d*m", "", console.file.getvalue())


def test_a_table_that_is_piped_is_as_wide_as_its_cells():
    lines = [line.split() for line in printed(40, terminal=False).splitlines()]
    for cells in LINES:
        assert " ".join(cells).replace("\x1b", " ").split() in lines


@pytest.mark.parametrize("width", [60, 80, 100, 120, 400])
def test_no_terminal_breaks_a_word_or_cuts_a_column(width: int):
    text = printed(width, terminal=True)
    assert max(map(cell_len, text.splitlines())) <= width
    words = set(text.split())
    for cell in [*HEADER, *LINES[0]]:
        assert set(cell.split()) <= words
    assert "…" not in text
    assert ":x:" in text
    assert text.count("0.500") == 9 * len(LINES)


def test_names_cannot_steer_the_terminal():
    for terminal in (False, True):
        assert "a [31m" in printed(400, terminal=terminal)
