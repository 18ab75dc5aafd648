"""What an experiment leaves in its folder: tables, predictions, figures, spec, versions."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import yaml

from rnc_graph import __version__
from rnc_graph.data import MoleculeTable
from rnc_graph.experiments import figures, formats
from rnc_graph.experiments.results import FinishedRun, Table, parts
from rnc_graph.experiments.spec import Experiment
from rnc_graph.files import write_text

_LIBRARIES = (
    "lightning",
    "matplotlib",
    "numpy",
    "pandas",
    "rdkit",
    "scikit-learn",
    "scipy",
    "torch",
    "torch_geometric",
)


def write_outputs(
    folder: Path,
    experiment: Experiment,
    molecules: MoleculeTable,
    tables: Sequence[Table],
    runs: Sequence[FinishedRun],
    command: str,
) -> list[Path]:
    """Write all files of an experiment and return their paths; equal runs give equal bytes."""
    unit = molecules.unit
    texts = {
        "table.md": formats.markdown(experiment, tables, unit, command),
        "table.csv": formats.as_csv(experiment, tables, unit),
        "table.json": formats.as_json(experiment, tables, unit, command),
        "predictions.csv": _predictions(experiment, molecules, runs),
        "spec.yaml": yaml.safe_dump(
            experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True
        ),
        "versions.json": json.dumps(_versions(), indent=1) + "\n",
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    written = [folder / name for name in texts]
    for table in tables:
        drawings = [figures.predicted_against_measured, figures.embeddings]
        if len(experiment.methods) > 1:
            drawings.append(figures.differences)
        if experiment.split.long_tail is not None:
            drawings.append(figures.regions)
        for draw in drawings:
            path = folder / f"{draw.__name__}_{table.encoder}.png"
            draw(experiment, molecules, table, runs, path)
            written.append(path)
    return written


def _predictions(
    experiment: Experiment, molecules: MoleculeTable, runs: Sequence[FinishedRun]
) -> str:
    """Return each prediction of the evaluated part, by the molecule's row below the header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    part = parts(experiment)[0]
    writer.writerow(["encoder", "row", "seed", "molecule", "target", "measured", "predicted"])
    for run in runs:
        predicted = run.tensors[f"{part}_predictions"].tolist()
        for molecule, values in zip(run.tensors[f"{part}_rows"].tolist(), predicted, strict=True):
            for number, target in enumerate(molecules.target_names):
                writer.writerow(
                    [
                        run.planned.encoder,
                        run.planned.row,
                        run.planned.seed,
                        molecule + 1,
                        target,
                        f"{molecules.targets[molecule, number]:.6g}",
                        f"{values[number]:.6g}",
                    ]
                )
    return out.getvalue()


def _versions() -> dict[str, str]:
    return {
        "rnc_graph": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{library: version(library) for library in _LIBRARIES},
    }
