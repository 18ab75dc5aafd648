"""Figures for a paper, as SVG and PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnc_graph.experiments.results import Table, parts, title_of
from rnc_graph.files import atomic_path
from rnc_graph.reporting.report.opened import Results
from rnc_graph.reporting.report.payload import ranking_of

# Okabe and Ito's colors, told apart by color-blind eyes too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

_PANELS = 12


def draw_figures(results: Results, folder: Path) -> list[Path]:
    """Draw what the experiment has and return the paths; equal results give equal bytes."""
    figures = {"differences": _differences(results), "ranks": _ranks(results)}
    figures |= {f"by_{axis}": by_axis(results, axis) for axis in numeric_axes(results)}
    written = []
    for name, figure in figures.items():
        if figure is not None:
            for suffix in ("svg", "png"):
                written.append(folder / f"{name}.{suffix}")
                _save(figure, written[-1])
    return written


def numeric_axes(results: Results) -> list[str]:
    """Return the axes of the splits that have numbers on them."""
    axes: dict[str, None] = {}
    for split in results.experiment.splits.values():
        for axis, place in split.axes.items():
            if isinstance(place, int | float) and not isinstance(place, bool):
                axes[axis] = None
    return list(axes)


def _figure(columns: int, lines: int, width: float, height: float) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * lines), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(lines, columns, squeeze=False).flat)


def _differences(results: Results) -> Any:
    tables = [t for t in results.tables if any(r.differences for r in t.rows)][:_PANELS]
    if not tables:
        return None
    columns = min(3, len(tables))
    tallest = max(len(table.rows) for table in tables)
    figure, axes = _figure(columns, -(-len(tables) // columns), 4.2, 0.26 * tallest + 0.9)
    for axis, table in zip(axes, tables, strict=False):
        rows = [row for row in reversed(table.rows) if row.differences and not row.baseline]
        for place, row in enumerate(rows):
            found = row.differences[table.scoring.ranked_by]
            told = found.p_holm is not None and found.p_holm < 0.05
            color = (COLORS[2] if found.mean < 0 else COLORS[1]) if told else "0.45"
            if found.low is not None:
                axis.plot([found.low, found.high], [place, place], color=color)
            axis.plot(found.mean, place, "o", color=color, markersize=4)
        axis.axvline(0, color="0.3", linewidth=0.8)
        axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=7)
        axis.tick_params(axis="x", labelsize=7)
        axis.set_title(table.name, fontsize=8)
    for unused in axes[len(tables) :]:
        unused.remove()
    figure.supxlabel(
        f"difference to the reference in {title_of(tables[0])}; left is better", fontsize=8
    )
    return figure


def along(results: Results, axis: str) -> dict[str, list[tuple[float, Table]]]:
    """Return the tables along an axis, by all that is the same for them, in words."""
    groups: dict[str, list[tuple[float, Table]]] = {}
    for table in results.tables:
        others = dict(results.experiment.splits[table.split].axes)
        place = others.pop(axis, None)
        if isinstance(place, int | float):
            fixed = (f"{name.replace('_', ' ')} {value}" for name, value in others.items())
            words = ", ".join(filter(None, (table.data, table.encoder, *fixed)))
            groups.setdefault(words, []).append((float(place), table))
    return groups


def by_axis(results: Results, axis_name: str) -> Any:
    """Draw the errors along an axis, a panel for each value of all others."""
    part = parts(results.experiment)[0]
    every = along(results, axis_name)
    groups = dict(list(every.items())[:_PANELS])
    columns = min(4, len(groups))
    figure, axes = _figure(columns, -(-len(groups) // columns), 4.0, 3.0)
    for unused in axes[len(groups) :]:
        unused.remove()
    for axis, (words, found) in zip(axes, groups.items(), strict=False):
        found.sort(key=lambda pair: pair[0])
        names = [row.name for row in found[0][1].rows]
        for number, name in enumerate(names):
            points = [
                (place, table.error(row, part))
                for place, table in found
                for row in table.rows
                if row.name == name
            ]
            x = [place for place, _ in points]
            color = COLORS[number % len(COLORS)]
            style = "--" if number >= len(COLORS) else "-"
            axis.plot(
                x, [s.mean for _, s in points], style, marker="o", ms=3, color=color, label=name
            )
            if all(s.low is not None for _, s in points):
                low, high = ([getattr(s, end) for _, s in points] for end in ("low", "high"))
                axis.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
        axis.set_title(words, fontsize=9)
        axis.set_xlabel(axis_name.replace("_", " "), fontsize=8)
        axis.set_ylabel(f"{part} {title_of(found[0][1])}", fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].legend(fontsize=6)
    if len(every) > len(groups):
        figure.supxlabel(f"the first {len(groups)} of {len(every)} groups", fontsize=8)
    return figure


def _ranks(results: Results) -> Any:
    """Draw a critical-difference diagram (Demšar, JMLR 7, 2006)."""
    ranking = ranking_of(results.tables, parts(results.experiment)[0])
    if ranking is None or ranking["critical"] is None:
        return None
    names, ranks = ranking["names"], ranking["ranks"]
    figure, (axis,) = _figure(1, 1, 6.0, 0.28 * len(names) + 1.0)
    for place, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        axis.plot(rank, -place, "o", color=COLORS[0], markersize=4)
        axis.annotate(
            f"{name}  {rank:.2f}", (rank, -place), (6, -3), textcoords="offset points", fontsize=7
        )
    for number, (first, last) in enumerate(ranking["groups"]):
        height = -len(names) - 0.4 * number
        axis.plot([ranks[first], ranks[last]], [height, height], color="0.3", linewidth=2)
    axis.set_yticks([])
    axis.set_xlim(0.8, len(names) + 1.5)
    axis.set_xlabel(
        f"average rank over {ranking['conditions']} conditions; bars join what a critical "
        f"difference of {ranking['critical']:.2f} does not tell apart",
        fontsize=7,
    )
    axis.tick_params(labelsize=7)
    for side in ("left", "right", "top"):
        axis.spines[side].set_visible(False)
    return figure


def _save(figure: Any, path: Path) -> None:
    import matplotlib

    kind = path.suffix[1:]
    metadata: dict[str, None] = {"Date": None} if kind == "svg" else {"Software": None}
    settings: dict[Any, str] = {"svg.hashsalt": "rnc_graph", "svg.fonttype": "none"}
    with matplotlib.rc_context(settings), atomic_path(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=200, metadata=metadata)
