"""The files that ``rnc-graph train`` and ``rnc-graph evaluate`` write."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from rnc_graph import __version__
from rnc_graph.data.bad import BadRow
from rnc_graph.data.splits import save_split
from rnc_graph.files import atomic_path, csv_text, write_text
from rnc_graph.models import Evaluation, prediction_frame, save_model
from rnc_graph.models.build import Built, Preparation, Prepared
from rnc_graph.reporting import style
from rnc_graph.reporting.model_card import evaluated, model_card
from rnc_graph.reporting.model_figures import draw_errors, draw_predictions, draw_worst

_LIBRARIES = ("torch", "torch_geometric", "lightning", "rdkit", "scikit-learn", "numpy")


def write_model_folder(
    folder: Path,
    *,
    source: str,
    command: str,
    prepared: Prepared,
    preparation: Preparation,
    built: Built,
) -> list[Path]:
    """Write the model, its card, its figures, its predictions, its split and its bad rows.

    Returns:
        What was written.

    Raises:
        OSError: the folder cannot be written to.
    """
    save_model(built.model, folder)
    evaluation, name = evaluated(built)
    figures = _draw(evaluation, built.model.domain.threshold, f"{name} set", folder)
    how = {"split": preparation.split, "seed": preparation.seed}
    save_split(folder / "split.json", prepared.split, prepared.molecules(), how)
    evaluations = {"validation": built.validation, "test": built.test}
    frames = [_frame(built, e, n) for n, e in evaluations.items() if e is not None]
    write_text(
        folder / "predictions.csv", pd.concat(frames).to_csv(index=False, lineterminator="\n")
    )
    _write_bad_rows(prepared.bad, folder)
    card = model_card(
        source=source,
        command=command,
        prepared=prepared,
        preparation=preparation,
        built=built,
        versions={"rnc_graph": __version__} | {name: version(name) for name in _LIBRARIES},
        figures=[path.name for path in figures],
    )
    write_text(folder / "README.md", card)
    return sorted(path for path in folder.iterdir() if path.is_file())


def write_evaluation(
    folder: Path,
    evaluations: Mapping[str, Evaluation],
    bad: Sequence[BadRow],
    threshold: float,
    source: str,
) -> list[Path]:
    """Write the metrics of each subset of a table, the figures of the first, and the bad rows.

    A metric that the molecules do not determine is null.
    """
    first = next(iter(evaluations))
    figures = _draw(evaluations[first], threshold, f"{source}, {first}", folder)
    metrics = {
        name: {
            target: {k: v if math.isfinite(v) else None for k, v in evaluation.metrics(i).items()}
            for i, target in enumerate(evaluation.targets)
        }
        for name, evaluation in evaluations.items()
    }
    content = json.dumps(metrics, indent=2, allow_nan=False)
    write_text(folder / "metrics.json", content + "\n")
    return [*figures, folder / "metrics.json", *_write_bad_rows(bad, folder)]


def _draw(evaluation: Evaluation, threshold: float, title: str, folder: Path) -> list[Path]:
    drawn = {
        folder / "predictions.png": draw_predictions(evaluation, title),
        folder / "error_against_distance.png": draw_errors(evaluation, threshold, title),
        folder / "worst.png": draw_worst(evaluation, title),
    }
    for path, figure in drawn.items():
        style.save(figure, path)
    return list(drawn)


def _frame(built: Built, evaluation: Evaluation, name: str) -> pd.DataFrame:
    """Return the molecules of a set with measurements and predictions."""
    known = {"set": name, "row": evaluation.rows, "smiles": evaluation.smiles}
    for number, target in enumerate(evaluation.targets):
        known[f"measured_{target}"] = evaluation.measured[:, number]
    predicted = prediction_frame(
        built.model, evaluation.predictions, [""] * len(evaluation.rows), evaluation.level
    )
    return pd.concat([pd.DataFrame(known), predicted.drop(columns="problem")], axis=1)


def _write_bad_rows(bad: Sequence[BadRow], folder: Path) -> list[Path]:
    """Write the rows that were left out, each with the reason; no file without any."""
    path = folder / "bad_rows.csv"
    if not bad:
        path.unlink(missing_ok=True)
        return []
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "line", "column", "found", "reason"])
        writer.writerows(
            map(csv_text, [b.row, b.line or "", b.column, b.found, b.reason]) for b in bad
        )
    return [path]
