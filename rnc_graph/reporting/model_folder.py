"""All that ``rnc-graph train`` leaves in a model's folder."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from rnc_graph import __version__
from rnc_graph.data.reading.molecules import BadRow
from rnc_graph.data.splits import save_split
from rnc_graph.files import atomic_path
from rnc_graph.models import Evaluation, prediction_frame, save_model
from rnc_graph.models.build import Built, Preparation, Prepared
from rnc_graph.reporting.model_card import write_model_card
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
    model = built.model
    save_model(model, folder)
    judged, part = (built.validation, "validation") if built.test is None else (built.test, "test")
    figures = draw_evaluation(judged, model.domain.threshold, f"{part} part", folder)
    how = {"split": preparation.split, "seed": preparation.seed}
    save_split(folder / "split.json", prepared.split, prepared.molecules(), how)
    frames = [evaluation_frame(built, built.validation, "validation")]
    if built.test is not None:
        frames.append(evaluation_frame(built, built.test, "test"))
    write_frame(pd.concat(frames), folder / "predictions.csv")
    if prepared.bad:
        write_bad_rows(prepared.bad, folder / "bad_rows.csv")
    versions = {"rnc_graph": __version__} | {name: version(name) for name in _LIBRARIES}
    write_model_card(
        folder / "README.md",
        source=source,
        command=command,
        prepared=prepared,
        preparation=preparation,
        built=built,
        versions=versions,
        figures=[path.name for path in figures],
    )
    return sorted(path for path in folder.iterdir() if path.is_file())


def draw_evaluation(
    evaluation: Evaluation, threshold: float, title: str, folder: Path
) -> list[Path]:
    """Draw the three figures of an evaluation into a folder and return their paths."""
    figures = [
        folder / name for name in ("predictions.png", "error_against_distance.png", "worst.png")
    ]
    draw_predictions(evaluation, title, figures[0])
    draw_errors(evaluation, threshold, title, figures[1])
    draw_worst(evaluation, title, figures[2])
    return figures


def evaluation_frame(built: Built, evaluation: Evaluation, part: str) -> pd.DataFrame:
    """Return the molecules of a part with measurements and predictions."""
    measured = {
        f"measured_{name}": evaluation.measured[:, number]
        for number, name in enumerate(evaluation.targets)
    }
    known = {"part": part, "row": evaluation.rows, "smiles": evaluation.smiles, **measured}
    predicted = prediction_frame(
        built.model, evaluation.predictions, [""] * len(evaluation.rows), evaluation.level
    )
    return pd.concat([pd.DataFrame(known), predicted.drop(columns="problem")], axis=1)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, atomically, with Unix line ends."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def write_bad_rows(bad: Sequence[BadRow], path: Path) -> None:
    """Write the rows that were left out, each with the reason."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "line", "column", "found", "reason"])
        writer.writerows([b.row, b.line or "", b.column, b.found, b.reason] for b in bad)
