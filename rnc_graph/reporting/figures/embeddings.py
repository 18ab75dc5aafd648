"""Embeddings in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.condition import Condition
from rnc_graph.reporting.projection import project

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.styled
def draw_embeddings(of: Condition) -> Figure:
    """Draw one panel a method: its embedding of the compared set, first seed, by PCA."""
    figure, axes = style.panels(len(of.methods), height=style.PANEL + 0.3)
    colors, few = _colors(of)
    points: Any = None
    for axis, row in zip(axes, of.methods, strict=True):
        run = of.runs_of(row)[0]
        y_true = of.y_true[of.evaluated(run)]
        plane, shares = project(of.embedding(run), y_true, "pca")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(visible=True, color="0.8")
        if not plane.any():
            axis.set_title(f"{style.short(row.name)}\nno two dimensions")
            continue
        size = 12 if len(plane) < 1_000 else 2
        points = axis.scatter(*plane.T, c=y_true, s=size, **colors)
        first, second = map(numbers.percent, shares)
        axis.set_title(f"{style.short(row.name)}\nPC 1 {first}, PC 2 {second}")
    if points is not None:
        bar = figure.colorbar(points, ax=axes, label=style.short(of.target("measured")), shrink=0.8)
        if few:
            bar.set_ticks(range(len(of.classes)), labels=list(of.classes))
            bar.set_label("class")
    figure.suptitle(
        f"{of.title}: embedding of the {of.table.compared} set, seed {of.table.seeds[0]}"
    )
    return figure


def _colors(of: Condition) -> tuple[dict[str, Any], bool]:
    """Return the color map, and whether each class has a color of its own."""
    if 0 < len(of.classes) <= 20:
        hues = 10 if len(of.classes) <= 10 else 20
        return {"cmap": f"tab{hues}", "vmin": -0.5, "vmax": hues - 0.5}, True
    values = of.y_true
    return {"cmap": style.SEQUENTIAL, "vmin": np.nanmin(values), "vmax": np.nanmax(values)}, False
