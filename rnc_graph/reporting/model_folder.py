"""The files that ``rnc-graph train`` and ``rnc-graph evaluate`` write."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnc_graph import __version__
from rnc_graph.data.bad import BadRow
from rnc_graph.data.splits import save_split
from rnc_graph.errors import BadValueError
from rnc_graph.files import atomic_path, check_output_folder, csv_text, write_text
from rnc_graph.models import Evaluation, MoleculeModel, prediction_frame, save_model
from rnc_graph.models.build import Built, DataConfig, DataSetup
from rnc_graph.models.saving import CONFIG
from rnc_graph.reporting import style
from rnc_graph.reporting.model_card import evaluated, model_card
from rnc_graph.reporting.model_figures import (
    draw_calibration,
    draw_errors,
    draw_predictions,
    draw_worst,
)

_LIBRARIES = ("torch", "torch_geometric", "lightning", "rdkit", "scikit-learn", "numpy")


def write_model_folder(
    folder: Path,
    *,
    source: str,
    command: str,
    setup: DataSetup,
    data_config: DataConfig,
    built: Built,
    sections: Sequence[Sequence[str]] = (),
) -> list[Path]:
    """Write the model, its card, its figures, its predictions, its split and its bad rows.

    ``sections`` are lines of further sections of the card.

    Returns:
        What was written.

    Raises:
        OSError: the folder cannot be written to.
    """
    save_model(built.model, folder)
    evaluation, name = evaluated(built)
    # Without a test set, what is shown has calibrated the intervals.
    figures = _draw(folder, built.model, evaluation, name, calibration=built.test is not None)
    how = {"split": data_config.split, "seed": data_config.seed}
    save_split(folder / "split.json", setup.split, setup.molecules(), how)
    validation = "out of fold" if built.out_of_fold else "validation"
    test = {} if built.test is None else {"test": built.test}
    _write_predictions(folder, built.model, {validation: built.validation, **test})
    _write_bad_rows(setup.bad, folder)
    card = model_card(
        source=source,
        command=command,
        setup=setup,
        data_config=data_config,
        built=built,
        versions={"rnc_graph": __version__} | {name: version(name) for name in _LIBRARIES},
        figures=[path.name for path in figures],
        sections=sections,
    )
    write_text(folder / "README.md", card)
    return sorted(path for path in folder.iterdir() if path.is_file())


def check_evaluation_folder(folder: Path) -> None:
    """Raise an error unless an evaluation can be written into a folder, and replaces no other file.

    Raises:
        BadValueError: the folder of a model, whose card shows the figures in it; or files that no
            evaluation has written.
        WriteError: it cannot be written to.
    """
    if (folder / CONFIG).exists():
        raise BadValueError(
            f"{folder}: is the folder of a model, whose README.md shows its own figures; name "
            "another folder with --out"
        )
    made = ("metrics.json", "predictions.csv", "calibration.png")
    others = ("bad_rows.csv", "predictions.png", "error_against_distance.png", "worst.png")
    check_output_folder(folder, made + others, all((folder / name).exists() for name in made))


def write_evaluation(
    folder: Path,
    model: MoleculeModel,
    evaluations: Mapping[str, Evaluation],
    bad: Sequence[BadRow],
    source: str,
) -> list[Path]:
    """Write the metrics and predictions of each subset of a table, figures of the first, bad rows.

    A metric that the molecules do not determine is null.
    """
    first = next(iter(evaluations))
    title = f"{source}, {first}"
    figures = _draw(folder, model, evaluations[first], title, calibration=True)
    metrics = {
        name: {
            scale.targets[n]: {
                metric: value if math.isfinite(value) else None
                for metric, value in scale.metrics(n).items()
            }
            for scale, n in evaluation.scales()
        }
        for name, evaluation in evaluations.items()
    }
    content = json.dumps(metrics, indent=2, allow_nan=False)
    write_text(folder / "metrics.json", content + "\n")
    predictions = _write_predictions(folder, model, evaluations)
    return [*figures, folder / "metrics.json", predictions, *_write_bad_rows(bad, folder)]


def _draw(
    folder: Path, model: MoleculeModel, evaluation: Evaluation, title: str, *, calibration: bool
) -> list[Path]:
    """Draw the figures of an evaluation and return their paths."""
    drawn = {
        "predictions.png": draw_predictions(evaluation, title),
        "error_against_distance.png": draw_errors(evaluation, model.domain.threshold, title),
        "worst.png": draw_worst(evaluation, title),
    }
    if calibration:
        drawn["calibration.png"] = draw_calibration(model, evaluation, title)
    for name, figure in drawn.items():
        style.save(figure, folder / name)
    return [folder / name for name in drawn]


def _write_predictions(
    folder: Path, model: MoleculeModel, evaluations: Mapping[str, Evaluation]
) -> Path:
    path = folder / "predictions.csv"
    frames = [_frame(model, evaluation, name) for name, evaluation in evaluations.items()]
    write_text(path, pd.concat(frames).to_csv(index=False, lineterminator="\n"))
    return path


def _frame(model: MoleculeModel, evaluation: Evaluation, name: str) -> pd.DataFrame:
    """Return the molecules of a set with measurements and predictions."""
    known: dict[str, Any] = {"set": name, "row": evaluation.rows}
    if evaluation.ids:
        known["id"] = evaluation.ids
    known["smiles"] = evaluation.smiles
    for number, target in enumerate(evaluation.targets):
        if evaluation.censored is not None:
            relations = np.array(["=", ">", "<"])[evaluation.censored[:, number]]
            missing = np.isnan(evaluation.y_true[:, number])
            known[f"relation_{target}"] = np.where(missing, "", relations)
        known[f"measured_{target}"] = evaluation.y_true[:, number]
    predicted = prediction_frame(
        model, evaluation.predictions, [""] * len(evaluation.rows), evaluation.level
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
        named = any(b.id for b in bad)
        writer.writerow(["row", *["id"] * named, "line", "column", "found", "reason"])
        writer.writerows(
            map(csv_text, [b.row, *[b.id] * named, b.line or "", b.column, b.found, b.reason])
            for b in bad
        )
    return [path]
