"""A learning curve as a figure, a table, and a sentence on what more data would bring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_graph.files import write_text
from rnc_graph.models.learning_curve import TargetCurve
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.markup import markdown, markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANEL = 3.4  # inches


def write_learning_curve(folder: Path, curves: Sequence[TargetCurve], members: str) -> None:
    """Write ``learning_curve.csv`` and ``learning_curve.png``."""
    frames = [
        pd.DataFrame(
            {"target": one.name, "molecules": one.molecules, "rmse": one.rmse, "mae": one.mae}
        )
        for one in curves
    ]
    table = pd.concat(frames).to_csv(index=False, lineterminator="\n")
    write_text(folder / "learning_curve.csv", table)
    style.save(draw_learning_curve(curves, members), folder / "learning_curve.png")


def forecast(curve: TargetCurve) -> str:
    """Say what twice the training molecules would bring, if the errors follow a power law."""
    largest = max(curve.molecules)
    law = curve.power_law()
    if law is None:
        return (
            f"{curve.name}: the errors follow no power law of the number of molecules, so nothing "
            "is said about more data; see learning_curve.png"
        )
    now, twice = law.error(largest), law.error(2 * largest)
    low, high = (1 - 2**-exponent for exponent in (law.low, law.high))
    return (
        f"{curve.name}: with twice the {largest:,} training molecules the RMSE would fall by "
        f"{1 - twice / now:.0%} (95% interval {low:.0%} to {high:.0%}), from "
        f"{numbers.number(now)} to about {numbers.number(twice)}, if it goes on as it did from "
        f"{min(curve.molecules):,} molecules on, and if the new ones are of the same kind"
    )


@style.styled
def draw_learning_curve(curves: Sequence[TargetCurve], members: str) -> Figure:
    """Draw the test RMSE against the training molecules, with a power law where it is one."""
    from matplotlib.ticker import NullLocator, ScalarFormatter

    figure, axes = style.panels(len(curves), columns=3, width=_PANEL, height=_PANEL)
    for axis, curve in zip(axes, curves, strict=True):
        means, law = curve.means(), curve.power_law()
        axis.plot(curve.molecules, curve.rmse, ".", color=style.NEUTRAL, ms=5, label="one model")
        axis.plot(list(means), list(means.values()), "o-", color=style.COLORS[0], label="mean")
        sizes = list(means)
        title = style.panel_name(curve.name)
        if law is not None:
            ahead = np.geomspace(sizes[0], 2 * sizes[-1], 50)
            color = style.COLORS[1]
            errors = [law.error(size) for size in ahead.tolist()]
            axis.plot(ahead, errors, "--", color=color, label="power law")
            axis.plot([2 * sizes[-1]], [law.error(2 * sizes[-1])], "o", color=color, mfc="none")
            sizes.append(2 * sizes[-1])
            title += f"\ntwice the data: RMSE about {numbers.number(law.error(sizes[-1]))}"
        else:
            title += "\nno power law: nothing is extrapolated"
        axis.set_title(title)
        axis.set_xscale("log")
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=45, ha="right")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.set_xlabel("training molecules")
        axis.set_ylabel(numbers.with_unit("RMSE on the test set", curve.unit))
        axis.legend(loc="best")
    figure.suptitle(f"Learning curve {members}")
    return figure


def curve_section(curves: Sequence[TargetCurve], members: str) -> tuple[list[str], list[str]]:
    """Return the section of a card on the learning curve, and what it says in lines."""
    lines = list(map(forecast, curves))
    table = [
        [numbers.with_unit(curve.name, curve.unit), f"{size:,}", numbers.number(rmse)]
        for curve in curves
        for size, rmse in curve.means().items()
    ]
    header = ["target", "training molecules", "RMSE on the test set"]
    notes = [f"- {markdown(line)}" for line in lines]
    figure = "![learning_curve.png](learning_curve.png)"
    title = f"## Learning curve {members}"
    return [title, "", figure, "", *notes, "", *markdown_table(header, table)], lines
