"""Errors where training samples are many and where they are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnc_graph.metrics import REGIONS
from rnc_graph.reporting.figures.base import TableRuns, entitle, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def regions(of: TableRuns) -> Figure:
    """Draw each row's error where training molecules are many, medium and few, mean and spread."""
    rows = list(reversed(of.table.rows))
    figure, (axis,) = panels(1, width=7.0, height=0.3 * len(rows) + 0.8)
    for number, (region, color) in enumerate(zip(REGIONS, ("C0", "C1", "C3"), strict=True)):
        found = [(place, row.measures.get(f"mae_{region}")) for place, row in enumerate(rows)]
        known = [(place, summary) for place, summary in found if summary is not None]
        axis.errorbar(
            [summary.mean for _, summary in known],
            [place + 0.2 * (1 - number) for place, _ in known],
            xerr=[summary.sd or 0.0 for _, summary in known],
            fmt="o",
            color=color,
            markersize=4,
            linewidth=1,
            label=f"{region}-shot",
        )
    axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlim(left=0)
    axis.grid(axis="y", linewidth=0.3)
    figure.legend(loc="outside lower center", ncols=len(REGIONS), fontsize=8)
    axis.set_xlabel(f"MAE of the {of.part} molecules, standardized", fontsize=8)
    entitle(figure, of, f", {of.seeds} seeds")
    return figure
