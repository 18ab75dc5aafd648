"""Numbers as text: small and large ones are not rounded away, and what is missing is a dash."""

from io import StringIO

import pytest
from rich.console import Console

from rnc_graph.metrics import PairedDifference, Summary
from rnc_graph.reporting import numbers
from rnc_graph.reporting.console import _print as print_table
from rnc_graph.reporting.console import _shown as shown


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
    assert numbers.difference(found) == f"{mean:+.3f} [{mean - 1:+.3f}, {mean + 1:+.3f}]"


def test_a_table_that_is_piped_is_as_wide_as_its_cells():
    from rich.table import Table

    console = Console(file=StringIO(), width=40)
    table = Table("method", "a long heading")
    table.add_row("m" * 60, "0.123 ± 0.456")
    print_table(console, table)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "m" * 60 in text
    assert "0.123 ± 0.456" in text


def test_names_cannot_steer_the_terminal():
    assert shown("[red]a\x1b[31m\n") == r"\[red]a [31m "
