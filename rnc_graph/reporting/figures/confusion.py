"""Confusion matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import confusion_matrix

from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.condition import Condition

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.styled
def draw_confusion(of: Condition) -> Figure:
    """Draw one panel a method: the share of each class that it takes for each, over all seeds."""
    names = of.classes
    # Up to 20 classes are named, upright below each panel.
    named = len(names) <= 20
    ticks = range(len(names)) if named else []
    figure, axes = style.panels(len(of.table.rows), height=style.PANEL + named * 0.9)
    for axis, row in zip(axes, of.table.rows, strict=True):
        y_true, y_pred = of.all_predictions(row)
        shares = confusion_matrix(
            y_true.astype(np.int64),
            y_pred.astype(np.int64),
            labels=range(len(names)),
            normalize="true",
        )
        axis.imshow(shares, cmap=style.SEQUENTIAL, vmin=0, vmax=1)
        axis.set_yticks(ticks, names if named and axis is axes[0] else [""] * len(ticks))
        axis.set_xticks(ticks, names if named else [], rotation=90)
        axis.tick_params(labelsize=6)
        axis.set_title(f"{style.short(row.name)}\nerror {numbers.number(of.table.score(row).mean)}")
    figure.supxlabel("predicted class")
    figure.supylabel("class")
    seeds = numbers.plural(len(of.table.seeds), "seed")
    figure.suptitle(f"{of.title}: {of.table.compared} set, {seeds}")
    return figure
