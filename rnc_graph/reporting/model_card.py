"""The model card: what a model was made of, how good it is, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from rnc_graph.files import write_text
from rnc_graph.models import Evaluation
from rnc_graph.models.build import Built, Preparation, Prepared

# What is told of each target, and what it is called.
METRICS = {
    "count": "rows",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "spearman": "Spearman",
    "coverage": "within their interval",
    "width": "median width of the interval",
    "outside": "outside the domain",
}
_SHARES = ("coverage", "outside")


def write_model_card(
    path: Path,
    *,
    source: str,
    command: str,
    prepared: Prepared,
    preparation: Preparation,
    built: Built,
    versions: Mapping[str, str],
    figures: Sequence[str],
) -> None:
    """Write the card as Markdown.

    Args:
        path: of the card.
        source: where the data came from.
        command: that made the model.
        prepared: the table, its split and its bad rows.
        preparation: what was done with the table.
        built: the model and its evaluations.
        versions: of the libraries.
        figures: names of the figures beside the card.
    """
    model, table = built.model, prepared.table
    targets = ", ".join(
        f"{name} ({unit})" if unit else name
        for name, unit in zip(model.targets, model.units, strict=True)
    )
    lines = [f"# {targets}", "", "```", command, "```", ""]
    judged = built.test or built.validation
    part = "test" if built.test else "validation"
    lines += [f"## How good it is: the {part} part", "", *metric_table(judged), ""]
    if built.test is None:
        lines += [
            "No test set was kept. The validation set chose the epochs and calibrated the "
            "intervals, so that these numbers flatter the model.",
            "",
        ]
    else:
        lines += [
            "The test set was predicted once, after everything had been chosen. "
            f"Intervals are made to cover {judged.level:.0%} of new measurements of molecules like "
            "those that calibrated them.",
            "",
        ]
    lines += [f"![{name}]({name})" for name in figures] + [""]
    lines += [
        "## Data",
        "",
        f"- {source}: {len(table)} rows used, {len({b.row for b in prepared.bad})} rows left "
        "out" + (" (bad_rows.csv)" if prepared.bad else ""),
        *(f"- {note}" for note in prepared.notes),
        f"- split: {preparation.split}, seed {preparation.seed} (split.json): {prepared.sizes()}",
        *["- cleaned: salts and charges removed, in prediction too"] * model.settings.clean,
        "",
        "## Model",
        "",
        f"- members: {model.settings.networks} x {model.settings.encoder}"
        + "".join(f", {name}" for name in model.settings.members_on_descriptors),
        f"- stage 1: {model.settings.objective or 'none'}; stage 2: {model.settings.head_loss}, "
        + ("frozen" if model.settings.freeze_encoder else "fine-tuned"),
        "- descriptors beside the embedding: " + ("yes" if model.settings.descriptors else "no"),
        *(
            f"- intervals of {name}: calibrated on {count} molecules; above "
            f"{count / (count + 1):.1%} they are infinite"
            for name, count in zip(model.targets, model.intervals.counts, strict=True)
        ),
        f"- domain: a molecule is outside if its Tanimoto distance to the nearest training "
        f"molecule is above {model.domain.threshold:.2f}",
        "- all settings: config.json",
        "",
        "## Limits",
        "",
        "Intervals hold on average over molecules that resemble those of the data, not for each "
        "one, and not for molecules marked as outside the domain. The model keeps fingerprints and "
        "descriptors of its training molecules, from which these can be guessed: do not share it "
        "where the structures are secret.",
        "",
        "## Versions",
        "",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        "",
    ]
    write_text(path, "\n".join(lines))


def metric_table(evaluation: Evaluation) -> list[str]:
    """Return the metrics of each target as the lines of a Markdown table."""
    lines = [
        "| target | " + " | ".join(METRICS.values()) + " |",
        "|---" * (len(METRICS) + 1) + "|",
    ]
    for number, target in enumerate(evaluation.targets):
        unit = evaluation.units[number]
        cells = [f"{target}, {unit}" if unit else target, *metric_cells(evaluation, number)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def metric_cells(evaluation: Evaluation, target: int) -> list[str]:
    """Return one target's metrics as text, in the order of ``METRICS``."""
    metrics = evaluation.metrics(target)
    return [_cell(name, metrics[name]) for name in METRICS]


def _cell(name: str, value: float) -> str:
    if math.isnan(value):
        return ""
    if name == "count":
        return str(value)
    if name in _SHARES:
        return f"{value:.0%}"
    return "infinite" if math.isinf(value) else f"{value:.3f}"
