"""Which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import confusion_matrix

from rnc_graph.reporting.figures.base import PANEL, TableRuns, entitle, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion(of: TableRuns) -> Figure:
    """Draw one panel a row: how often it takes each class for each, all seeds together."""
    names = of.samples.classes
    measured = of.samples.targets[:, 0].astype(np.int64)
    # The names of the classes stand upright below each panel.
    figure, axes = panels(len(of.table.rows), height=PANEL + 1.3)
    for axis, row in zip(axes, of.table.rows, strict=False):
        rows, predicted = of.predictions(row)
        counts = confusion_matrix(
            measured[rows], predicted.astype(np.int64), labels=range(len(names)), normalize="true"
        )
        axis.imshow(counts, cmap="viridis", vmin=0, vmax=1)
        few = len(names) <= 20
        ticks = range(len(names)) if few else []
        axis.set_yticks(ticks, names if few and axis is axes[0] else [""] * len(ticks), fontsize=6)
        axis.set_xticks(ticks, names if few else [], fontsize=6, rotation=90)
        axis.set_title(f"{row.name}\nerror {of.table.error(row, of.part).mean:.3f}", fontsize=9)
    figure.supxlabel("predicted class", fontsize=9)
    figure.supylabel("its class", fontsize=9)
    entitle(figure, of, f": {of.part} part of {of.seeds} seeds")
    return figure
