"""Errors along an axis of the grid, such as the size of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnc_graph.experiments.spec import Experiment
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.tables import ResultTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 12  # panels


def numeric_axes(experiment: Experiment) -> list[str]:
    """Return the axes of the splits that have numbers on them."""
    found = (
        axis
        for split in experiment.splits.values()
        for axis, value in split.axes.items()
        if _is_number(value)
    )
    return list(dict.fromkeys(found))


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
    """Draw the errors along an axis, a panel for each value of all others, twelve at most."""
    every = along(experiment, tables, axis_name)
    groups = dict(list(every.items())[:_MOST])
    figure, axes = style.panels(len(groups), columns=4, width=4.0, height=3.0)
    for axis, (words, found) in zip(axes, groups.items(), strict=True):
        for number, row in enumerate(found[0][1].rows):
            points = [
                (value, table.score(same))
                for value, table in found
                for same in table.rows
                if same.name == row.name
            ]
            x = [value for value, _ in points]
            color = style.COLORS[number % len(style.COLORS)]
            dashes = "--" if number >= len(style.COLORS) else "-"
            means = [score.mean for _, score in points]
            axis.plot(x, means, dashes, marker="o", ms=3, color=color, label=style.short(row.name))
            if all(score.low is not None for _, score in points):
                low, high = ([getattr(s, end) for _, s in points] for end in ("low", "high"))
                axis.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
        axis.set_title(style.short(words))
        axis.set_xlabel(axis_name.replace("_", " "))
        first = found[0][1]
        axis.set_ylabel(f"{first.compared} {numbers.score_title(first.scoring)}")
    axes[0].legend()
    if len(every) > len(groups):
        figure.supxlabel(f"the first {len(groups)} of {len(every)} groups")
    return figure


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
