"""Average ranks over conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnc_graph.metrics import Ranking
from rnc_graph.reporting import numbers, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.styled
def draw_ranks(ranking: Ranking | None) -> Figure | None:
    """Draw a critical-difference diagram (Demšar, JMLR 7, 2006); None without enough to rank."""
    if ranking is None or ranking.critical is None:
        return None
    count = len(ranking.names)
    figure, (axis,) = style.panels(1, width=6.0, height=0.28 * count + 0.7)
    for line, (name, rank) in enumerate(zip(ranking.names, ranking.ranks, strict=True)):
        axis.plot(rank, -line, "o", color=style.COLORS[0], markersize=4)
        axis.annotate(
            f"{style.short(name)}  {rank:.2f}", (rank, -line), (6, -3), textcoords="offset points"
        )
    for number, (first, last) in enumerate(ranking.groups):
        height = -count - 0.4 * number
        axis.plot(
            [ranking.ranks[first], ranking.ranks[last]],
            [height, height],
            color=style.LINE,
            linewidth=2,
        )
    axis.set_yticks([])
    axis.set_xlim(0.8, count + 1.5)
    axis.spines["left"].set_visible(False)
    axis.set_xlabel(
        f"average rank over {numbers.plural(ranking.conditions, 'condition')}\nbars: no "
        f"significant difference (critical difference {ranking.critical:.2f}, Nemenyi)"
    )
    return figure
