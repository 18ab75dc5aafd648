"""The figures of a model: predictions with intervals, error against distance, worst molecules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnc_graph.files import atomic_path
from rnc_graph.models import Evaluation
from rnc_graph.reporting.drawing import molecule_pixels

_PANEL = 3.4  # inches
_INSIDE, _OUTSIDE = "C0", "C1"
_WORST = 12
_COLUMNS = 4


def draw_predictions(evaluation: Evaluation, title: str, path: Path) -> None:
    """Draw predicted against measured with intervals, one panel a target."""
    from matplotlib.ticker import MaxNLocator

    targets = range(len(evaluation.targets))
    figure, axes = _panels(len(targets))
    for axis, target in zip(axes, targets, strict=True):
        rows = evaluation.known(target)
        axis.set_title(_result(evaluation, target), fontsize=9)
        axis.tick_params(labelsize=8)
        if not rows.size:
            continue
        measured = evaluation.measured[rows, target]
        predicted = evaluation.predictions.values[rows, target]
        reach = evaluation.high[rows, target] - predicted
        outside = evaluation.predictions.outside[rows]
        both = np.concatenate([measured, predicted])
        margin = 0.05 * float(np.ptp(both)) or 1.0
        limits = (float(both.min()) - margin, float(both.max()) + margin)
        for chosen, color, label in (
            (~outside, _INSIDE, "inside the domain"),
            (outside, _OUTSIDE, "outside"),
        ):
            if not chosen.any():
                continue
            if np.isfinite(reach).all():
                axis.errorbar(
                    measured[chosen],
                    predicted[chosen],
                    reach[chosen],
                    fmt="none",
                    ecolor=color,
                    elinewidth=0.7,
                    alpha=0.25,
                )
            axis.plot(
                measured[chosen], predicted[chosen], ".", color=color, ms=5, mew=0, label=label
            )
        axis.plot(limits, limits, color="0.3", linewidth=0.8)
        axis.set(xlim=limits, ylim=limits, aspect="equal")
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.yaxis.set_major_locator(axis.xaxis.get_major_locator())
        axis.set_xlabel(_label("measured", evaluation, target), fontsize=9)
        axis.set_ylabel(_label("predicted", evaluation, target), fontsize=9)
        axis.legend(fontsize=7, frameon=False, loc="upper left", handletextpad=0.1)
    figure.suptitle(f"{title}, {evaluation.level:.0%} intervals", fontsize=10)
    _save(figure, path)


def draw_errors(evaluation: Evaluation, threshold: float, title: str, path: Path) -> None:
    """Draw the absolute error against the distance to the nearest training molecule."""
    targets = range(len(evaluation.targets))
    figure, axes = _panels(len(targets))
    for axis, target in zip(axes, targets, strict=True):
        rows = evaluation.known(target)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_title(f"{evaluation.targets[target]}; lines: mean of a sixth", fontsize=9)
        if not rows.size:
            continue
        distance = evaluation.predictions.distance[rows]
        error = np.abs(evaluation.measured - evaluation.predictions.values)[rows, target]
        axis.plot(distance, error, ".", color=_INSIDE, alpha=0.5, ms=5, mew=0)
        for share in np.array_split(np.argsort(distance, kind="stable"), min(6, len(rows))):
            ends = distance[share[[0, -1]]]
            axis.plot(ends, [error[share].mean()] * 2, color="0.2", linewidth=2)
        axis.axvline(threshold, color=_OUTSIDE, linewidth=1, linestyle="--")
        axis.annotate(
            "domain ends",
            (threshold, 1),
            (-3, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=7,
            color=_OUTSIDE,
            rotation=90,
            ha="right",
            va="top",
        )
        axis.set(xlim=(-0.02, 1.02), ylim=(0, None))
        axis.set_xlabel("distance to the nearest training molecule", fontsize=9)
        axis.set_ylabel(_label("error", evaluation, target), fontsize=9)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def draw_worst(evaluation: Evaluation, title: str, path: Path) -> None:
    """Draw the molecules with the greatest errors, in standard deviations of their target."""
    error = np.abs(evaluation.measured - evaluation.predictions.values)
    spread = np.nanstd(evaluation.measured, axis=0)
    scaled = np.where(np.isnan(error), -1.0, error / np.where(spread > 0, spread, 1.0))
    worst_target = scaled.argmax(axis=1)
    order = np.argsort(-scaled.max(axis=1), kind="stable")[:_WORST]
    order = order[scaled.max(axis=1)[order] >= 0]
    figure, axes = _panels(len(order), columns=_COLUMNS, width=2.3, height=2.2)
    for axis, molecule in zip(axes, order.tolist(), strict=True):
        target = int(worst_target[molecule])
        axis.imshow(molecule_pixels(evaluation.smiles[molecule], 2.2, 1.7))
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_color("0.85")
        name = f"{evaluation.targets[target]}, " if len(evaluation.targets) > 1 else ""
        far = ", outside" if evaluation.predictions.outside[molecule] else ""
        axis.set_xlabel(
            f"{name}row {evaluation.rows[molecule]}{far}\n"
            f"measured {evaluation.measured[molecule, target]:.4g}, "
            f"predicted {evaluation.predictions.values[molecule, target]:.4g}",
            fontsize=8,
        )
    figure.suptitle(f"{title}: the greatest errors", fontsize=10)
    _save(figure, path)


def _result(evaluation: Evaluation, target: int) -> str:
    metrics = evaluation.metrics(target)
    if not metrics["count"]:
        return f"{evaluation.targets[target]}: not measured"
    return (
        f"{evaluation.targets[target]}: {metrics['count']} molecules\n"
        f"RMSE {metrics['rmse']:.3g}, {metrics['coverage']:.0%} within their intervals"
    )


def _label(what: str, evaluation: Evaluation, target: int) -> str:
    unit = evaluation.units[target]
    return f"{what}, {unit}" if unit else what


def _panels(
    count: int, columns: int = 3, width: float = _PANEL, height: float = _PANEL
) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    columns = max(1, min(count, columns))
    rows = max(1, -(-count // columns))
    figure = Figure(figsize=(columns * width, rows * height + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, list(axes[:count])


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160, metadata={"Software": None})
