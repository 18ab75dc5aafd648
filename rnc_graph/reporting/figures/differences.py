"""Paired differences to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.tables import ResultTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 12  # panels


@style.styled
def draw_differences(tables: Sequence[ResultTable], title: str = "") -> Figure | None:
    """Draw the differences of methods to their reference, with 95% intervals.

    Args:
        tables: a panel for each reference in each of them, twelve at most.
        title: for above the figure.

    Returns:
        None where nothing is compared.
    """
    found = [
        (f"{table.name}: " * (len(tables) > 1) + f"against {reference}", table, rows[::-1])
        for table in tables
        for reference, rows in table.compared_rows().items()
    ][:_MOST]
    if not found:
        return None
    tallest = max(len(rows) for _, _, rows in found)
    figure, axes = style.panels(len(found), columns=3, width=4.6, height=0.28 * tallest + 0.7)
    for axis, (name, table, rows) in zip(axes, found, strict=True):
        for line, row in enumerate(rows):
            difference = row.differences[table.scoring.ranked_by]
            color = style.NEUTRAL
            if numbers.significant(difference):
                color = style.BETTER if difference.mean < 0 else style.WORSE
            if difference.low is not None:
                axis.plot([difference.low, difference.high], [line, line], color=color)
            axis.plot(difference.mean, line, "o", color=color, markersize=5)
        axis.axvline(0, color=style.LINE, linewidth=0.8)
        style.name_lines(axis, [row.name for row in rows])
        axis.locator_params(axis="x", nbins=5)
        axis.set_title(style.short(name))
    compared = tables[0]
    figure.supxlabel(
        f"Δ {compared.compared} {numbers.score_title(compared.scoring)}, 95% interval;\n"
        "left is better; colored: p < 0.05 after Holm's correction",
        fontsize=8,
    )
    figure.suptitle(style.short(title))
    return figure
