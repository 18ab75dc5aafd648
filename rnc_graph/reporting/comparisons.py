"""Errors compared, in words: a model with its members and baselines, and two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnc_graph.data.splits.split import numbered
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import plural
from rnc_graph.files import write_text
from rnc_graph.metrics.regression import regression_metrics
from rnc_graph.models.baselines import FOREST, MEAN
from rnc_graph.models.comparison import Comparison, TargetComparison, compare_errors
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.markup import markdown, markdown_table
from rnc_graph.reporting.model_figures import draw_comparison

if TYPE_CHECKING:
    from rnc_graph.models.build import Built, DataSetup

RIVALS = ("target", "prediction by", "weight", "RMSE", "MAE", "RMSE minus the model's", "p", "")
_TITLES = {FOREST: "random forest on Morgan bits", MEAN: "mean of the training set"}


def rivals(built: Built, setup: DataSetup) -> tuple[list[list[str]], list[str]]:
    """Compare a model with its members and the baselines, on its test or validation set.

    Returns:
        The cells of a table with the columns :data:`RIVALS`, and a sentence on each prediction
        whose RMSE is below that of the model.
    """
    model = built.model
    evaluation = (built.test or built.validation).transformed()
    canonical = dict(zip(setup.table.rows.tolist(), setup.features.canonical, strict=True))
    equal = np.full((len(model.members), len(model.targets)), 1 / len(model.members))
    weights = equal if model.weights is None else model.weights
    names = _numbered([member.kind for member in model.members])
    by_name = dict(zip(names, built.by_member, strict=True))
    by_name |= {_TITLES[name]: values for name, values in built.baselines.items()}
    by_name = {name: model.scaler.transform(values) for name, values in by_name.items()}
    cells, better = [], []
    for target, (title, unit) in enumerate(zip(evaluation.targets, model.units, strict=True)):
        rows = evaluation.known(target)
        if not len(rows):
            continue
        y_true = evaluation.y_true[rows, target]
        own = evaluation.predictions.values[rows, target]
        others = {name: values[rows, target] for name, values in by_name.items()}
        molecules = numbered(canonical[row] for row in evaluation.rows[rows].tolist())
        whole = {name: values for name, values in others.items() if np.isfinite(values).all()}
        found = compare_errors(y_true, whole, own, molecules)
        label = numbers.with_unit(title, unit)
        cells.append([label, "the model", "1.00", *_errors(y_true, own), "", "", ""])
        for number, (name, predicted) in enumerate(others.items()):
            weight = f"{weights[number, target]:.2f}" if number < len(names) else ""
            known = np.isfinite(predicted)
            rmse, mae = _errors(y_true[known], predicted[known])
            difference = found.get(name)
            compared = ["", "", ""] if difference is None else numbers.difference_cells(difference)
            cells.append([label, name, weight, rmse, mae, *compared])
            if difference is not None and difference.mean < 0:
                sure = "" if numbers.significant(difference) else ", which is not significant"
                better.append(
                    f"{name} has a lower RMSE of {title} than the model: {rmse} against "
                    f"{_errors(y_true, own)[0]}{sure}"
                )
    return cells, better


def _numbered(kinds: Sequence[str]) -> list[str]:
    """Return the names of members; several of a kind have numbers."""
    return [
        f"{kind} {kinds[: n + 1].count(kind)}" if kinds.count(kind) > 1 else kind
        for n, kind in enumerate(kinds)
    ]


def _errors(y_true: FloatArray, y_pred: FloatArray) -> list[str]:
    metrics = regression_metrics(y_true, y_pred)
    return [numbers.number(metrics["rmse"]), numbers.number(metrics["mae"])]


_HOW = (
    "Differences are paired by molecule, with 95% intervals. P values are those of t tests of the "
    "molecules' shares of the error, corrected after Holm over the targets. A target of which both "
    "models learn the logarithm is tested by that alone."
)
COMPARED = ("target", "error", "A", "B", "B minus A", "p")


def comparison_cells(comparison: Comparison) -> list[list[str]]:
    """Return the lines of a table with the columns :data:`COMPARED`."""
    return [
        [
            numbers.with_unit(one.name, one.unit),
            error.upper(),
            *map(numbers.number, one.errors[error]),
            *numbers.difference_cells(found)[:2],
        ]
        for one in comparison.targets
        for error, found in one.differences.items()
    ]


def comparison_notes(comparison: Comparison, names: Mapping[str, str]) -> list[str]:
    """Say which rows were compared, and which model is better; ``names`` are those of A and B."""
    first, second, either = comparison.seen
    notes = []
    if either:
        notes.append(
            f"{plural(either, 'row')} left out: of molecules in the training or validation set "
            f"of A ({plural(first, 'row')}) or B ({plural(second, 'row')})"
        )
    if comparison.unknown:
        notes.append(
            "a model of format 1 does not know its training molecules: those with the fingerprint "
            "of one are left out"
        )
    if comparison.bad:
        notes.append(
            f"{plural(len(comparison.bad), 'row')} left out: of SMILES that A or B cannot read"
        )
    return [*notes, *(line for one in comparison.targets for line in _sentence(one, names)), _HOW]


def _sentence(one: TargetComparison, names: Mapping[str, str]) -> list[str]:
    """Say which model is better; nothing for a target that is tested by its logarithm."""
    found = one.differences["rmse"]
    if found.p is not None and found.p_holm is None:
        return []
    where = f"{one.name}, {plural(len(one.y_true), 'row')}, {plural(found.n, 'molecule')}"
    if found.p_holm is None:
        same = "the predictions have equal errors" if found.mean == 0 else "too few molecules"
        return [f"{where}: {same}"]
    p = numbers.p_in_words(found.p_holm)
    if not numbers.significant(found):
        least = numbers.number(found.detectable or 0.0)
        return [
            f"{where}: the RMSE of A and B does not differ significantly ({p}); the smallest "
            f"difference that would have been seen four times in five is {least}"
        ]
    better = names["B"] if found.mean < 0 else names["A"]
    return [f"{where}: {better} has the lower RMSE, by {numbers.number(abs(found.mean))} ({p})"]


def write_comparison(
    folder: Path, comparison: Comparison, title: str, names: Mapping[str, str]
) -> list[Path]:
    """Write a comparison as ``comparison.md``, with a figure."""
    figure, page = folder / "comparison.png", folder / "comparison.md"
    style.save(draw_comparison(comparison), figure)
    sections = [
        [f"# {markdown(title)}"],
        markdown_table(COMPARED, comparison_cells(comparison)),
        [f"- {markdown(note)}" for note in comparison_notes(comparison, names)],
        [f"![{figure.name}]({figure.name})"],
    ]
    write_text(page, "\n\n".join("\n".join(section) for section in sections) + "\n")
    return [page, figure]


def comparison_section(
    comparison: Comparison | None, old: str, reason: str
) -> tuple[list[str], list[str]]:
    """Return the section of a card on the model that it updates, and what it says in lines.

    ``reason`` says why there is no comparison, where there is none.
    """
    if comparison is None:
        lines = [f"not compared with the old model: {reason}"]
        return ["## Compared with the old model", "", f"- {markdown(lines[0])}"], lines
    lines = comparison_notes(comparison, {"A": "A, the old model,", "B": "B, this model,"})
    table = markdown_table(COMPARED, comparison_cells(comparison))
    notes = [f"- {markdown(line)}" for line in lines]
    first = f"On the test set of A, {markdown(old)}; B is this model."
    return ["## Compared with the old model", "", first, "", *table, "", *notes], [
        f"compared with {old} (A) on its test set:",
        *lines,
    ]
