"""What was predicted, against what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnc_graph.reporting.figures.base import TableRuns, entitle, panels, with_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def predicted_against_measured(of: TableRuns) -> Figure:
    """Draw one panel a row: the predictions of all seeds for the evaluated part."""
    measured = of.samples.targets[:, 0]
    low, high = float(measured.min()), float(measured.max())
    margin = 0.05 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    figure, axes = panels(len(of.table.rows))
    for axis, row in zip(axes, of.table.rows, strict=False):
        rows, predicted = of.predictions(row)
        beyond = int(((predicted < limits[0]) | (predicted > limits[1])).sum())
        axis.plot(measured[rows], predicted, ".", color="C0", alpha=0.3, markersize=5, mew=0)
        axis.plot(limits, limits, color="0.3", linewidth=0.8)
        error = row.summaries[of.part, "unit", "rmse"].mean
        axis.set(xlim=limits, ylim=limits, aspect="equal")
        axis.tick_params(labelsize=8)
        # The same few ticks both ways, at round numbers.
        axis.yaxis.set_major_locator(axis.xaxis.get_major_locator())
        outside = f", {beyond} outside" if beyond else ""
        axis.set_title(f"{row.name}\nRMSE {error:.2f}{outside}", fontsize=9)
    figure.supxlabel(with_unit(of.samples, "measured"), fontsize=9)
    figure.supylabel(with_unit(of.samples, "predicted"), fontsize=9)
    entitle(figure, of, f": {of.part} part of {of.seeds} seeds")
    return figure
