"""Embeddings in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA

from rnc_graph.reporting.figures.base import TableRuns, entitle, panels, with_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def embeddings(of: TableRuns) -> Figure:
    """Draw one panel a method: its embedding of the evaluated part, first seed, by PCA."""
    rows = [row for row in of.table.rows if not row.baseline]
    figure, axes = panels(len(rows))
    measured = of.samples.targets[:, 0]
    names = of.samples.classes
    colors = (
        {"cmap": "tab10" if len(names) <= 10 else "tab20", "vmin": -0.5, "vmax": _hues(names) - 0.5}
        if 0 < len(names) <= 20
        else {"cmap": "viridis", "vmin": measured.min(), "vmax": measured.max()}
    )
    points: Any = None
    for axis, row in zip(axes, rows, strict=False):
        run = of.runs_of(row)[0]
        embedding = run.tensors["embedding"].numpy()
        if min(embedding.shape) < 2:
            axis.set_title(f"{row.name}\nno plane to draw", fontsize=9)
            continue
        # Of wide embeddings scikit-learn's own choice is a random one.
        plane = PCA(2, svd_solver="full").fit(embedding)
        xy = plane.transform(embedding)
        color = measured[run.tensors[f"{of.part}_rows"].numpy()]
        # A component's sign is arbitrary: let the target grow to the right.
        if np.cov(xy[:, 0], color)[0, 1] < 0:
            xy[:, 0] *= -1
        points = axis.scatter(
            xy[:, 0],
            xy[:, 1],
            c=color,
            s=12 if len(xy) < 1_000 else 2,
            **colors,
        )
        share = plane.explained_variance_ratio_
        axis.set_title(f"{row.name}\nPC 1 {share[0]:.0%}, PC 2 {share[1]:.0%}", fontsize=9)
        axis.set(xticks=[], yticks=[])
    if points is not None:
        label = with_unit(of.samples, "measured")
        bar = figure.colorbar(points, ax=list(axes), label=label, shrink=0.8)
        if 0 < len(names) <= 20:
            bar.set_ticks(range(len(names)), labels=names)
            bar.set_label("class")
    entitle(figure, of, f": embedding of the {of.part} part, seed {of.table.rows[0].seeds[0]}")
    return figure


def _hues(names: Sequence[str]) -> int:
    """Return how many colors the map for so many classes has."""
    return 10 if len(names) <= 10 else 20
