"""The figures of a model: predictions with intervals, error by distance, the largest errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rnc_graph.data.bad import shorten
from rnc_graph.errors import plural
from rnc_graph.models import Evaluation, MoleculeModel
from rnc_graph.models.comparison import Comparison
from rnc_graph.models.evaluation import calibration
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.sample_pictures import molecule_pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANEL, _BETWEEN_LINES = 3.4, 0.3  # inches
_COLUMNS = 3
_IN_DOMAIN, _OUT_OF_DOMAIN = style.COLORS[:2]
_WORST = 12


@style.styled
def draw_predictions(evaluation: Evaluation, title: str) -> Figure:
    """Draw the predictions against the measurements with intervals, one panel a target."""
    scales = [f"{how} of " if how != "none" else "" for how in evaluation.scaler.transforms]
    evaluation = evaluation.transformed()
    figure, panels = _panels(evaluation)
    for axis, target in panels:
        rows = evaluation.known(target)
        axis.set_title(_result(evaluation, target))
        if not rows.size:
            continue
        y_true = evaluation.y_true[rows, target]
        y_pred = evaluation.predictions.values[rows, target]
        reach = evaluation.high[rows, target] - y_pred
        out_of_domain = evaluation.predictions.out_of_domain[rows]
        for chosen, color, label in (
            (~out_of_domain, _IN_DOMAIN, "in the domain"),
            (out_of_domain, _OUT_OF_DOMAIN, "out of domain"),
        ):
            if not chosen.any():
                continue
            x, y = y_true[chosen], y_pred[chosen]
            if np.isfinite(reach).all():
                bars = {"ecolor": color, "elinewidth": 0.7, "alpha": 0.25}
                axis.errorbar(x, y, reach[chosen], fmt="none", **bars)
            axis.plot(x, y, ".", color=color, ms=5, mew=0, label=label)
        style.square(axis, style.limits_of(np.concatenate([y_true, y_pred])))
        scale = scales[target] if scales else ""
        axis.set_xlabel(numbers.with_unit(f"{scale}measured", evaluation.units[target]))
        axis.set_ylabel(numbers.with_unit(f"{scale}predicted", evaluation.units[target]))
        axis.legend(loc="upper left", handletextpad=0.1)
    figure.suptitle(f"{title}, {numbers.percent(evaluation.level)} intervals")
    return figure


@style.styled
def draw_errors(evaluation: Evaluation, threshold: float, title: str) -> Figure:
    """Draw the absolute error against the distance to the nearest training molecule."""
    units = numbers.transformed_units(evaluation.units, evaluation.scaler.transforms)
    evaluation = evaluation.transformed()
    figure, panels = _panels(evaluation)
    for axis, target in panels:
        rows = evaluation.known(target)
        axis.set_title(f"{evaluation.targets[target]}; lines: means of sixths")
        if not rows.size:
            continue
        distance = evaluation.predictions.distance[rows]
        error = np.abs(evaluation.y_true - evaluation.predictions.values)[rows, target]
        axis.plot(distance, error, ".", color=_IN_DOMAIN, alpha=0.5, ms=5, mew=0)
        for share in np.array_split(np.argsort(distance, kind="stable"), min(6, len(rows))):
            ends = distance[share[[0, -1]]]
            axis.plot(ends, [error[share].mean()] * 2, color=style.LINE, linewidth=2)
        axis.axvline(threshold, color=_OUT_OF_DOMAIN, linewidth=1, linestyle="--")
        axis.annotate(
            "end of the domain",
            (threshold, 1),
            (-3, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=_OUT_OF_DOMAIN,
            rotation=90,
            ha="right",
            va="top",
        )
        axis.set(xlim=(-0.02, 1.02), ylim=(0, None))
        axis.set_xlabel("distance to the nearest training molecule")
        axis.set_ylabel(numbers.with_unit("absolute error", units[target]))
    figure.suptitle(title)
    return figure


@style.styled
def draw_calibration(model: MoleculeModel, evaluation: Evaluation, title: str) -> Figure:
    """Draw the share of values within their intervals against the share that these should cover."""
    figure, panels = _panels(evaluation)
    for axis, target in panels:
        found = calibration(model, evaluation, target)
        known = ~np.isnan(found.seen)
        name = style.panel_name(evaluation.targets[target])
        axis.set_title(f"{name}: {plural(found.count, 'value')}")
        axis.plot([0, 1], [0, 1], color=style.LINE, linewidth=1, label="ideal")
        if known.any():
            levels = found.levels[known]
            band = {"color": style.NEUTRAL, "alpha": 0.2, "linewidth": 0}
            low, high = found.low[known], found.high[known]
            axis.fill_between(levels, low, high, label="95% band", **band)
            axis.plot(levels, found.seen[known], ".-", color=_IN_DOMAIN, label="observed")
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axis.set_xlabel("share that the intervals should cover")
        axis.set_ylabel("share of the values that they cover")
        axis.legend(loc="best")
    figure.suptitle(style.panel_name(f"{title}: coverage of the intervals"))
    return figure


@style.styled
def draw_worst(evaluation: Evaluation, title: str) -> Figure:
    """Draw the molecules with the largest errors, in standard deviations of their target."""
    compared = evaluation.transformed()
    error = np.abs(compared.exact - compared.predictions.values)
    known = [column[~np.isnan(column)] for column in compared.exact.T]
    spread = np.array([np.std(values) if values.size else 0.0 for values in known])
    scaled = np.where(np.isnan(error), -1.0, error / np.where(spread > 0, spread, 1.0))
    worst_target = scaled.argmax(axis=1)
    order = np.argsort(-scaled.max(axis=1), kind="stable")[:_WORST]
    order = order[scaled.max(axis=1)[order] >= 0]
    figure, axes = style.panels(len(order), columns=4, width=2.3, height=2.3)
    for axis, molecule in zip(axes, order.tolist(), strict=False):
        target = int(worst_target[molecule])
        axis.imshow(molecule_pixels(evaluation.smiles[molecule], 2.2, 1.7))
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(visible=True, color="0.85")
        name = f"{evaluation.targets[target]}, " if len(evaluation.targets) > 1 else ""
        far = ", out of domain" if evaluation.predictions.out_of_domain[molecule] else ""
        axis.set_xlabel(
            f"{name}{shorten(evaluation.row_name(molecule), 24)}{far}\n"
            f"measured {evaluation.y_true[molecule, target]:.4g}\n"
            f"predicted {evaluation.predictions.values[molecule, target]:.4g}",
            fontsize=8,
        )
    figure.suptitle(f"{title}: the largest errors")
    return figure


@style.styled
def draw_comparison(comparison: Comparison) -> Figure:
    """Draw the absolute error of model B against that of model A, a dot a row."""
    figure, axes = style.panels(
        len(comparison.targets), columns=3, width=_PANEL, height=_PANEL + 0.2
    )
    for axis, one in zip(axes, comparison.targets, strict=True):
        first, second = (np.abs(values - one.y_true) for values in (one.first, one.second))
        largest = 1.05 * max(first.max(), second.max()) or 1.0
        axis.plot(first, second, ".", color=_IN_DOMAIN, alpha=0.5, ms=5, mew=0)
        axis.plot([0, largest], [0, largest], color=style.LINE, linewidth=1)
        axis.set(xlim=(0, largest), ylim=(0, largest), aspect="equal")
        axis.set_xlabel(numbers.with_unit("absolute error of A", one.unit))
        axis.set_ylabel(numbers.with_unit("absolute error of B", one.unit))
        rmse = one.errors["rmse"]
        better = f"B has the smaller error in {np.mean(second < first):.0%} of {len(first)} rows"
        errors = f"RMSE {numbers.number(rmse[0])} of A, {numbers.number(rmse[1])} of B"
        axis.set_title(f"{style.panel_name(one.name)}\n{errors}\n{better}")
    return figure


def _panels(evaluation: Evaluation) -> tuple[Figure, list[tuple[Any, int]]]:
    """Return a figure, and a panel of it with each target that was measured."""
    targets = np.flatnonzero(~np.isnan(evaluation.y_true).all(axis=0)).tolist()
    # Between lines of square panels there is a label above a title.
    height = _PANEL + (_BETWEEN_LINES if len(targets) > _COLUMNS else 0.0)
    figure, axes = style.panels(len(targets), columns=_COLUMNS, width=_PANEL, height=height)
    return figure, list(zip(axes, targets, strict=True))


def _result(evaluation: Evaluation, target: int) -> str:
    metrics, name = evaluation.metrics(target), style.panel_name(evaluation.targets[target])
    if not metrics["count"]:
        return f"{name}: no measurements"
    covered = f"{numbers.percent(metrics['coverage'])} within their intervals"
    if math.isnan(metrics["coverage"]):
        covered = "too few molecules for intervals"
    return (
        f"{name}: {plural(int(metrics['count']), 'row')}\n"
        f"RMSE {numbers.number(metrics['rmse'])}, {covered}"
    )
