"""Errors where training samples are many and where they are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnc_graph.metrics import REGIONS
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.condition import Condition

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.styled
def draw_regions(of: Condition) -> Figure:
    """Draw each method's error where training samples are many, medium and few, mean and sd."""
    rows = of.table.rows[::-1]
    figure, (axis,) = style.panels(1, width=7.0, height=0.3 * len(rows) + 0.8)
    for number, region in enumerate(REGIONS):
        found = [(line, row.measures.get(f"mae_{region}")) for line, row in enumerate(rows)]
        known = [(line, summary) for line, summary in found if summary is not None]
        axis.errorbar(
            [summary.mean for _, summary in known],
            [line + 0.2 * (1 - number) for line, _ in known],
            xerr=[summary.sd or 0.0 for _, summary in known],
            fmt="o",
            markersize=4,
            linewidth=1,
            label=f"{region}-shot",
        )
    style.name_lines(axis, [row.name for row in rows])
    axis.set_xlim(left=0)
    axis.grid(axis="y", linewidth=0.3)
    figure.legend(loc="outside lower center", ncols=len(REGIONS))
    axis.set_xlabel(f"{of.table.compared} MAE, standardized")
    figure.suptitle(f"{of.title}, {numbers.plural(len(of.table.seeds), 'seed')}")
    return figure
