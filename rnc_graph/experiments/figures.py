"""Figures of an experiment: predicted against measured, and the embeddings in two dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import confusion_matrix

from rnc_graph.data.samples import SampleTable
from rnc_graph.evaluation import REGIONS
from rnc_graph.experiments.results import FinishedRun, Row, Table, parts, title_of
from rnc_graph.experiments.spec import Experiment
from rnc_graph.files import atomic_path

_PANEL = 2.6  # inches


def predicted_against_measured(
    experiment: Experiment,
    samples: SampleTable,
    table: Table,
    runs: Sequence[FinishedRun],
    path: Path,
) -> None:
    """Draw one panel a row: the predictions of all seeds for the evaluated part."""
    part = parts(experiment)[0]
    measured = samples.targets[:, 0]
    low, high = float(measured.min()), float(measured.max())
    margin = 0.05 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    figure, axes = _panels(len(table.rows))
    for axis, row in zip(axes, table.rows, strict=False):
        own = _runs_of(row, table, runs)
        rows = np.concatenate([run.tensors[f"{part}_rows"] for run in own])
        predicted = np.concatenate([run.tensors[f"{part}_predictions"][:, 0] for run in own])
        beyond = int(((predicted < limits[0]) | (predicted > limits[1])).sum())
        axis.plot(measured[rows], predicted, ".", color="C0", alpha=0.3, markersize=5, mew=0)
        axis.plot(limits, limits, color="0.3", linewidth=0.8)
        error = row.summaries[part, "unit", "rmse"].mean
        axis.set(xlim=limits, ylim=limits, aspect="equal")
        axis.tick_params(labelsize=8)
        # The same few ticks both ways, at round numbers.
        axis.yaxis.set_major_locator(axis.xaxis.get_major_locator())
        outside = f", {beyond} outside" if beyond else ""
        axis.set_title(f"{row.name}\nRMSE {error:.2f}{outside}", fontsize=9)
    _label(figure, samples, "measured", "predicted")
    figure.suptitle(
        f"{experiment.name}, {table.name}: {part} part of {len(table.rows[0].seeds)} seeds",
        fontsize=10,
    )
    _save(figure, path)


def confusion(
    experiment: Experiment,
    samples: SampleTable,
    table: Table,
    runs: Sequence[FinishedRun],
    path: Path,
) -> None:
    """Draw one panel a row: how often it takes each class for each, all seeds together."""
    part = parts(experiment)[0]
    names = getattr(samples, "classes", ())
    measured = samples.targets[:, 0].astype(np.int64)
    # The names of the classes stand upright below each panel.
    figure, axes = _panels(len(table.rows), height=_PANEL + 1.3)
    for axis, row in zip(axes, table.rows, strict=False):
        own = _runs_of(row, table, runs)
        rows = np.concatenate([run.tensors[f"{part}_rows"] for run in own])
        predicted = np.concatenate([run.tensors[f"{part}_predictions"][:, 0] for run in own])
        counts = confusion_matrix(
            measured[rows], predicted.astype(np.int64), labels=range(len(names)), normalize="true"
        )
        axis.imshow(counts, cmap="viridis", vmin=0, vmax=1)
        few = len(names) <= 20
        ticks = range(len(names)) if few else []
        axis.set_yticks(ticks, names if few and axis is axes[0] else [""] * len(ticks), fontsize=6)
        axis.set_xticks(ticks, names if few else [], fontsize=6, rotation=90)
        axis.set_title(f"{row.name}\nerror {table.error(row, part).mean:.3f}", fontsize=9)
    figure.supxlabel("predicted class", fontsize=9)
    figure.supylabel("its class", fontsize=9)
    seeds = len(table.rows[0].seeds)
    figure.suptitle(f"{experiment.name}, {table.name}: {part} part of {seeds} seeds", fontsize=10)
    _save(figure, path)


def embeddings(
    experiment: Experiment,
    samples: SampleTable,
    table: Table,
    runs: Sequence[FinishedRun],
    path: Path,
) -> None:
    """Draw one panel a method: its embedding of the evaluated part, first seed, by PCA."""
    part = parts(experiment)[0]
    rows = [row for row in table.rows if not row.baseline]
    figure, axes = _panels(len(rows))
    measured = samples.targets[:, 0]
    names = getattr(samples, "classes", ())
    colours = (
        {"cmap": "tab10" if len(names) <= 10 else "tab20", "vmin": -0.5, "vmax": _hues(names) - 0.5}
        if 0 < len(names) <= 20
        else {"cmap": "viridis", "vmin": measured.min(), "vmax": measured.max()}
    )
    points: Any = None
    for axis, row in zip(axes, rows, strict=False):
        run = _runs_of(row, table, runs)[0]
        embedding = run.tensors["embedding"].numpy()
        if min(embedding.shape) < 2:
            axis.set_title(f"{row.name}\nno plane to draw", fontsize=9)
            continue
        # Of wide embeddings scikit-learn's own choice is a random one.
        plane = PCA(2, svd_solver="full").fit(embedding)
        xy = plane.transform(embedding)
        colour = measured[run.tensors[f"{part}_rows"].numpy()]
        # A component's sign is arbitrary: let the target grow to the right.
        if np.cov(xy[:, 0], colour)[0, 1] < 0:
            xy[:, 0] *= -1
        points = axis.scatter(
            xy[:, 0],
            xy[:, 1],
            c=colour,
            s=12 if len(xy) < 1_000 else 2,
            **colours,
        )
        share = plane.explained_variance_ratio_
        axis.set_title(f"{row.name}\nPC 1 {share[0]:.0%}, PC 2 {share[1]:.0%}", fontsize=9)
        axis.set(xticks=[], yticks=[])
    seed = table.rows[0].seeds[0]
    if points is not None:
        label = _with_unit(samples, "measured")
        bar = figure.colorbar(points, ax=list(axes), label=label, shrink=0.8)
        if 0 < len(names) <= 20:
            bar.set_ticks(range(len(names)), labels=names)
            bar.set_label("class")
    figure.suptitle(
        f"{experiment.name}, {table.name}: embedding of the {part} part, seed {seed}",
        fontsize=10,
    )
    _save(figure, path)


def differences(
    experiment: Experiment,
    samples: SampleTable,
    table: Table,
    runs: Sequence[FinishedRun],
    path: Path,
) -> None:
    """Draw one panel a reference: each row's paired difference in RMSE with its 95% interval."""
    part = parts(experiment)[0]
    groups = {
        reference: [
            row
            for row in reversed(table.rows)
            if row.reference == reference and row.differences and not row.baseline
        ]
        for reference in dict.fromkeys(row.reference for row in table.rows)
    }
    groups = {reference: rows for reference, rows in groups.items() if rows}
    tallest = max(map(len, groups.values()), default=0)
    figure, axes = _panels(len(groups), height=0.3 * tallest + 0.8, width=5.0)
    for axis, (reference, rows) in zip(axes, groups.items(), strict=True):
        for place, row in enumerate(rows):
            found = row.differences[table.scoring.ranked_by]
            # After Holm's correction, as in the table.
            shown = found.p_holm is not None and found.p_holm < 0.05
            colour = ("C2" if found.mean < 0 else "C3") if shown else "0.45"
            if found.low is not None:
                axis.plot([found.low, found.high], [place, place], color=colour, linewidth=1.5)
            axis.plot(found.mean, place, "o", color=colour, markersize=5)
        axis.axvline(0, color="0.3", linewidth=0.8)
        axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
        axis.set_ylim(-0.7, tallest - 0.3)
        axis.locator_params(axis="x", nbins=5)
        axis.tick_params(axis="x", labelsize=8)
        axis.set_title(f"against {reference}", fontsize=9)
    figure.supxlabel(
        f"Δ {part} {title_of(table)}, with its 95% interval; left is better;\n"
        "coloured where Holm's correction leaves p < 0.05",
        fontsize=8,
    )
    count = len(table.rows[0].seeds)
    figure.suptitle(f"{experiment.name}, {table.name}, {count} seeds", fontsize=10)
    _save(figure, path)


def regions(
    experiment: Experiment,
    samples: SampleTable,
    table: Table,
    runs: Sequence[FinishedRun],
    path: Path,
) -> None:
    """Draw each row's error where training molecules are many, medium and few, mean and spread."""
    rows = list(reversed(table.rows))
    figure, (axis,) = _panels(1, width=7.0, height=0.3 * len(rows) + 0.8)
    for number, (region, colour) in enumerate(zip(REGIONS, ("C0", "C1", "C3"), strict=True)):
        found = [(place, row.measures.get(f"mae_{region}")) for place, row in enumerate(rows)]
        known = [(place, summary) for place, summary in found if summary is not None]
        axis.errorbar(
            [summary.mean for _, summary in known],
            [place + 0.2 * (1 - number) for place, _ in known],
            xerr=[summary.sd or 0.0 for _, summary in known],
            fmt="o",
            color=colour,
            markersize=4,
            linewidth=1,
            label=f"{region}-shot",
        )
    axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlim(left=0)
    axis.grid(axis="y", linewidth=0.3)
    figure.legend(loc="outside lower center", ncols=len(REGIONS), fontsize=8)
    part = parts(experiment)[0]
    axis.set_xlabel(f"MAE of the {part} molecules, standardised", fontsize=8)
    count = len(table.rows[0].seeds)
    figure.suptitle(f"{experiment.name}, {table.name}, {count} seeds", fontsize=10)
    _save(figure, path)


def _hues(names: Sequence[str]) -> int:
    """Return how many colours the map for so many classes has."""
    return 10 if len(names) <= 10 else 20


def _runs_of(row: Row, table: Table, runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Return a row's runs, of the runs of one table."""
    return [run for run in runs if run.planned.row == row.name and run.planned.seed in row.seeds]


def _panels(
    count: int, *, width: float = _PANEL, height: float = _PANEL + 0.4
) -> tuple[Any, list[Any]]:
    """Return a figure with a grid of ``count`` panels, five in a row at most; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(5, count)
    lines = math.ceil(count / columns)
    figure = Figure(figsize=(width * columns, height * lines + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def _label(figure: Any, samples: SampleTable, x: str, y: str) -> None:
    figure.supxlabel(_with_unit(samples, x), fontsize=9)
    figure.supylabel(_with_unit(samples, y), fontsize=9)


def _with_unit(samples: SampleTable, what: str) -> str:
    unit = f" / {samples.unit}" if samples.unit else ""
    return f"{what} {samples.target_names[0]}{unit}"


def _save(figure: Any, path: Path) -> None:
    """Write a PNG; equal figures are equal bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})
