"""Predictions against measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.condition import Condition

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.styled
def draw_predictions(of: Condition) -> Figure:
    """Draw one panel a method: the predictions of all seeds for the compared set."""
    limits = limits_of(of.y_true)
    figure, axes = style.panels(len(of.table.rows), height=style.PANEL + 0.3)
    for axis, row in zip(axes, of.table.rows, strict=True):
        y_true, y_pred = of.all_predictions(row)
        axis.plot(y_true, y_pred, ".", alpha=0.3, markersize=5, mew=0)
        square(axis, limits)
        error = numbers.number(of.table.score(row, "rmse", "unit").mean)
        hidden = int(((y_pred < limits[0]) | (y_pred > limits[1])).sum())
        more = f", {hidden} not shown" if hidden else ""
        axis.set_title(f"{style.short(row.name)}\nRMSE {error}{more}")
    figure.supxlabel(style.short(of.target("measured")))
    figure.supylabel(style.short(of.target("predicted")))
    seeds = numbers.plural(len(of.table.seeds), "seed")
    figure.suptitle(f"{of.title}: {of.table.compared} set, {seeds}")
    return figure


def limits_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis that shows all values (N,); NaN is missing."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def square(axis: Any, limits: tuple[float, float]) -> None:
    """Draw the diagonal, with the same limits and ticks on both axes."""
    from matplotlib.ticker import MaxNLocator

    axis.plot(limits, limits, color=style.LINE, linewidth=0.8)
    axis.set(xlim=limits, ylim=limits, aspect="equal")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.yaxis.set_major_locator(MaxNLocator(4))
