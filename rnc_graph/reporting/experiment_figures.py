"""The figures of an experiment: tables and runs in, a matplotlib figure out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnc_graph.errors import plural
from rnc_graph.experiments.spec import Experiment
from rnc_graph.metrics import REGIONS, Ranking
from rnc_graph.models.baselines import MEAN
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.condition import Condition
from rnc_graph.reporting.projection import project
from rnc_graph.reporting.tables import ResultTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 12  # panels of a figure over many conditions


@style.styled
def draw_predictions(of: Condition) -> Figure:
    """Draw one panel a method: the predictions of all seeds for the compared set."""
    limits = style.limits_of(of.y_true)
    figure, axes = style.panels(len(of.table.rows), height=style.PANEL + 0.8)
    for axis, row in zip(axes, of.table.rows, strict=True):
        y_true, y_pred = of.all_predictions(of.runs_of(row))
        axis.plot(y_true, y_pred, ".", alpha=0.3, markersize=5, mew=0)
        style.square(axis, limits)
        error = numbers.number(of.table.score(row, "rmse", "unit").mean)
        hidden = int(((y_pred < limits[0]) | (y_pred > limits[1])).sum())
        more = f", {hidden} not shown" if hidden else ""
        axis.set_title(f"{style.panel_name(row.name)}\nRMSE {error}{more}")
    figure.supxlabel(style.short(of.target("measured")))
    figure.supylabel(style.short(of.target("predicted")))
    figure.suptitle(f"{of.title}\npredicted against measured, {of.table.compared} set, {of.seeds}")
    return figure


@style.styled
def draw_confusion(of: Condition) -> Figure:
    """Draw one panel a method: the share of each class that it takes for each, over all seeds."""
    names = of.classes
    # Up to 20 classes are named, upright below each panel.
    named = len(names) <= 20
    ticks = range(len(names)) if named else []
    figure, axes = style.panels(len(of.table.rows), height=style.PANEL + named * 0.9)
    for axis, row in zip(axes, of.table.rows, strict=True):
        shares = of.confusion(of.runs_of(row), normalize="true")
        axis.imshow(shares, cmap=style.SEQUENTIAL, vmin=0, vmax=1)
        axis.set_yticks(ticks, names if named and axis is axes[0] else [""] * len(ticks))
        axis.set_xticks(ticks, names if named else [], rotation=90)
        axis.tick_params(labelsize=6)
        error = numbers.number(of.table.score(row).mean)
        axis.set_title(f"{style.panel_name(row.name)}\nerror {error}")
    figure.supxlabel("predicted class")
    figure.supylabel("class")
    share = "share of each class by predicted class"
    figure.suptitle(f"{of.title}\n{share}, {of.table.compared} set, {of.seeds}")
    return figure


@style.styled
def draw_embeddings(of: Condition) -> Figure:
    """Draw one panel a method: its embedding of the compared set, first seed, by PCA."""
    figure, axes = style.panels(len(of.methods), height=style.PANEL + 0.8)
    few = 0 < len(of.classes) <= 20  # Each class has a color of its own.
    if few:
        hues = 10 if len(of.classes) <= 10 else 20
        colors: dict[str, Any] = {"cmap": f"tab{hues}", "vmin": -0.5, "vmax": hues - 0.5}
    else:
        ends = {"vmin": np.nanmin(of.y_true), "vmax": np.nanmax(of.y_true)}
        colors = {"cmap": style.SEQUENTIAL, **ends}
    points: Any = None
    for axis, row in zip(axes, of.methods, strict=True):
        run = of.runs_of(row)[0]
        y_true = of.y_true[of.evaluated(run)]
        plane, shares = project(of.embedding(run), y_true, "pca")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(visible=True, color="0.8")
        if not plane.any():
            axis.set_title(f"{style.panel_name(row.name)}\nno two dimensions")
            continue
        points = axis.scatter(*plane.T, c=y_true, s=12 if len(plane) < 1_000 else 2, **colors)
        first, second = map(numbers.percent, shares)
        axis.set_title(f"{style.panel_name(row.name)}\nPC 1 {first}, PC 2 {second}")
    if points is not None:
        bar = figure.colorbar(points, ax=axes, label=style.short(of.target("measured")), shrink=0.8)
        if few:
            bar.set_ticks(range(len(of.classes)), labels=list(of.classes))
            bar.set_label("class")
    title = f"embedding of the {of.table.compared} set, seed {of.table.seeds[0]}"
    figure.suptitle(f"{of.title}\n{title}")
    return figure


@style.styled
def draw_regions(of: Condition) -> Figure:
    """Draw each method's error where training samples are many, medium and few, mean and sd."""
    rows = of.table.rows[::-1]
    figure, (axis,) = style.panels(1, width=7.0, height=0.3 * len(rows) + 0.8)
    for number, region in enumerate(REGIONS):
        found = [(line, row.further_metrics.get(f"mae_{region}")) for line, row in enumerate(rows)]
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
    where = "error where training samples are many, medium and few"
    figure.suptitle(f"{of.title}\n{where}, {of.seeds}")
    return figure


@style.styled
def draw_differences(tables: Sequence[ResultTable], title: str = "") -> Figure | None:
    """Draw the differences of methods to their reference, with 95% intervals.

    A panel for each reference in each table, twelve at most; None where nothing is compared.
    """
    every = [
        (
            f"{style.short(table.name)}\n" * (len(tables) > 1)
            + f"against {style.short(reference)}",
            table,
            rows[::-1],
        )
        for table in tables
        for reference, rows in table.compared_rows().items()
    ]
    found = every[:_MOST]
    if not found:
        return None
    tallest = max(len(rows) for _, _, rows in found)
    figure, axes = style.panels(len(found), columns=3, width=4.6, height=0.28 * tallest + 0.9)
    for axis, (name, table, rows) in zip(axes, found, strict=True):
        for line, row in enumerate(rows):
            difference = row.differences[table.scoring.ranked_by]
            color = style.NEUTRAL
            if numbers.significant(difference):
                color = style.BETTER if difference.mean < 0 else style.WORSE
            if difference.low is not None:
                axis.plot([difference.low, difference.high], [line, line], color=color)
            axis.plot(difference.mean, line, "o", color=color, markersize=5)
        axis.axvline(0, color=style.LINE, linewidth=0.8)
        style.name_lines(axis, [row.name for row in rows])
        axis.locator_params(axis="x", nbins=5)
        axis.set_title(name)
    figure.supxlabel(
        f"Δ {tables[0].score_title}, 95% interval;\n"
        f"left is better; colored: p < 0.05 after Holm's correction{_rest(every, 'comparisons')}",
        fontsize=8,
    )
    differences = [row.differences[t.scoring.ranked_by] for _, t, rows in every for row in rows]
    told = sum(map(numbers.significant, differences))
    seen = f"{told} of {plural(len(differences), 'difference')} to the reference significant"
    figure.suptitle("\n".join(filter(None, (title, seen))))
    return figure


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
        ends, height = [ranking.ranks[first], ranking.ranks[last]], -count - 0.4 * number
        axis.plot(ends, [height, height], color=style.LINE, linewidth=2)
    lowest = [n for n, r in zip(ranking.names, ranking.ranks, strict=True) if r == ranking.ranks[0]]
    figure.suptitle(style.short(f"Average ranks; lowest: {', '.join(lowest)}"))
    axis.set_yticks([])
    axis.set_xlim(0.8, count + 1.5)
    axis.spines["left"].set_visible(False)
    axis.set_xlabel(
        f"average rank over {plural(ranking.datasets, 'data set')}\nbars: no "
        f"significant difference (critical difference {ranking.critical:.2f}, Nemenyi)"
    )
    return figure


def numeric_axes(experiment: Experiment) -> list[str]:
    """Return the axes of the splits that have numbers on them."""
    axes = [pair for split in experiment.splits.values() for pair in split.axes.items()]
    return list(dict.fromkeys(axis for axis, value in axes if _is_number(value)))


def along(
    experiment: Experiment, tables: Sequence[ResultTable], axis: str
) -> dict[str, list[tuple[float, ResultTable]]]:
    """Return the tables along an axis, ascending, by all that they share, in words."""
    groups: dict[str, list[tuple[float, ResultTable]]] = {}
    for table in tables:
        others = dict(experiment.splits[table.split].axes)
        value: Any = others.pop(axis, None)
        if _is_number(value):
            fixed = (f"{name.replace('_', ' ')} {other}" for name, other in others.items())
            words = ", ".join(filter(None, (table.data, table.target, table.encoder, *fixed)))
            groups.setdefault(words, []).append((float(value), table))
    return {words: sorted(group, key=lambda pair: pair[0]) for words, group in groups.items()}


@style.styled
def draw_along_axis(
    experiment: Experiment, tables: Sequence[ResultTable], axis_name: str
) -> Figure:
    """Draw the errors along an axis, a panel for each value of all others, twelve at most.

    Without the mean of the training set, whose error would leave the others no room.
    """
    every = along(experiment, tables, axis_name)
    groups = dict(list(every.items())[:_MOST])
    figure, axes = style.panels(len(groups), columns=4, width=4.0, height=3.0)
    # A row has one color in all panels, which may lack some and have others in another order.
    rows = [row for table in tables for row in table.rows]
    shown = [row for row in rows if not (row.baseline and row.name == MEAN)]
    names = list(dict.fromkeys(row.name for row in shown or rows))
    lines: dict[str, Any] = {}
    for axis, (words, found) in zip(axes, groups.items(), strict=True):
        # Side by side, so that intervals do not hide one another.
        step = 0.012 * np.ptp([value for value, _ in found]) if len(found) > 1 else 0.0
        for number, name in enumerate(names):
            points = [
                (value, table.score(row))
                for value, table in found
                for row in table.rows
                if row.name == name
            ]
            if not points:
                continue
            x = np.array([value for value, _ in points]) + step * (number - (len(names) - 1) / 2)
            color = style.COLORS[number % len(style.COLORS)]
            dashes = "--" if number >= len(style.COLORS) else "-"
            means = [score.mean for _, score in points]
            (line,) = axis.plot(
                x, means, dashes, marker="o", ms=3, color=color, label=style.short(name)
            )
            lines[name] = line
            if all(score.low is not None for _, score in points):
                low, high = ([getattr(s, end) for _, s in points] for end in ("low", "high"))
                axis.vlines(x, low, high, color=color, alpha=0.5, linewidth=1.0)
        axis.set_title(style.short(words))
        axis.set_xlabel(axis_name.replace("_", " "))
        axis.set_ylabel(found[0][1].score_title)
    score = f"{tables[0].compared} {tables[0].scoring.title}"
    figure.suptitle(f"{score} by {axis_name.replace('_', ' ')}\nmean and 95% interval over seeds")
    in_order = [lines[name] for name in names if name in lines]
    figure.legend(handles=in_order, loc="outside lower center", ncols=min(4, 2 * len(groups)))
    if rest := _rest([*every], "groups"):
        figure.supxlabel(rest.strip())
    return figure


def _rest(every: Sequence[Any], noun: str) -> str:
    """Say how many panels are left out; "" for none."""
    return f"\nthe first {_MOST} of {len(every)} {noun}" if len(every) > _MOST else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
