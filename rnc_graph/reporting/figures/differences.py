"""How each row differs from its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnc_graph.experiments.results import title_of
from rnc_graph.reporting.figures.base import TableRuns, entitle, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def differences(of: TableRuns) -> Figure:
    """Draw one panel a reference: each row's paired difference in RMSE with its 95% interval."""
    groups = {
        reference: [
            row
            for row in reversed(of.table.rows)
            if row.reference == reference and row.differences and not row.baseline
        ]
        for reference in dict.fromkeys(row.reference for row in of.table.rows)
    }
    groups = {reference: rows for reference, rows in groups.items() if rows}
    tallest = max(map(len, groups.values()), default=0)
    figure, axes = panels(len(groups), height=0.3 * tallest + 0.8, width=5.0)
    for axis, (reference, rows) in zip(axes, groups.items(), strict=True):
        for place, row in enumerate(rows):
            found = row.differences[of.table.scoring.ranked_by]
            # After Holm's correction, as in the table.
            shown = found.p_holm is not None and found.p_holm < 0.05
            color = ("C2" if found.mean < 0 else "C3") if shown else "0.45"
            if found.low is not None:
                axis.plot([found.low, found.high], [place, place], color=color, linewidth=1.5)
            axis.plot(found.mean, place, "o", color=color, markersize=5)
        axis.axvline(0, color="0.3", linewidth=0.8)
        axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
        axis.set_ylim(-0.7, tallest - 0.3)
        axis.locator_params(axis="x", nbins=5)
        axis.tick_params(axis="x", labelsize=8)
        axis.set_title(f"against {reference}", fontsize=9)
    figure.supxlabel(
        f"Δ {of.part} {title_of(of.table)}, with its 95% interval; left is better;\n"
        "colored where Holm's correction leaves p < 0.05",
        fontsize=8,
    )
    entitle(figure, of, f", {of.seeds} seeds")
    return figure
