"""What an experiment leaves in its folder: tables, predictions, figures, spec, versions."""

from __future__ import annotations

import csv
import io
import json
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import yaml
from threadpoolctl import threadpool_limits

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


# More tables than this are not drawn one by one: the report shows them.
_DRAWN = 4


def write_outputs(
    folder: Path,
    experiment: Experiment,
    molecules: Mapping[str, MoleculeTable],
    tables: Sequence[Table],
    runs: Sequence[FinishedRun],
    command: str,
) -> list[Path]:
    """Write all files of an experiment and return their paths; equal runs give equal bytes."""
    texts = {
        "table.md": formats.markdown(experiment, tables, command),
        "table.csv": formats.as_csv(experiment, tables),
        "table.json": formats.as_json(experiment, tables, command),
        "predictions.csv": _predictions(experiment, molecules, runs),
        "spec.yaml": yaml.safe_dump(
            experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True
        ),
        "versions.json": json.dumps(_versions(), indent=1) + "\n",
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    written = [folder / name for name in texts]
    # On one thread: the same bytes on any number of processors, and quicker for such small sets.
    with threadpool_limits(1):
        return written + _draw(folder, experiment, molecules, tables, runs)


def _draw(
    folder: Path,
    experiment: Experiment,
    molecules: Mapping[str, MoleculeTable],
    tables: Sequence[Table],
    runs: Sequence[FinishedRun],
) -> list[Path]:
    """Draw the first tables."""
    written: list[Path] = []
    for table in tables[:_DRAWN]:
        split = experiment.splits[table.split]
        drawings = [figures.predicted_against_measured, figures.embeddings]
        if any(row.differences and not row.baseline for row in table.rows):
            drawings.append(figures.differences)
        if split.long_tail is not None:
            drawings.append(figures.regions)
        of_table = [
            run
            for run in runs
            if (run.planned.data, run.planned.split) == (table.data, table.split)
            and run.planned.encoder in (table.encoder, "")
        ]
        for draw in drawings:
            path = folder / f"{draw.__name__}_{_file_name(experiment, table)}.png"
            draw(experiment, molecules[table.data], table, of_table, path)
            written.append(path)
    return written


def _file_name(experiment: Experiment, table: Table) -> str:
    """Name a table's files: by what distinguishes it from the others."""
    data = table.data if len(experiment.data) > 1 else ""
    words = "_".join(filter(None, (data, table.split, table.encoder)))
    return re.sub(r"[^\w.=-]+", "_", words)


def _predictions(
    experiment: Experiment, molecules: Mapping[str, MoleculeTable], runs: Sequence[FinishedRun]
) -> str:
    """Return each prediction of the evaluated part, by the molecule's row below the header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    part = parts(experiment)[0]
    columns = ["data", "split", "encoder", "row", "seed", "molecule", "target"]
    writer.writerow([*columns, "measured", "predicted"])
    numbers = {name: table.rows.tolist() for name, table in molecules.items()}
    for run in runs:
        at, table = run.planned, molecules[run.planned.data]
        where = [at.data, at.split, at.encoder, at.row, at.seed]
        predicted = run.tensors[f"{part}_predictions"].tolist()
        for molecule, values in zip(run.tensors[f"{part}_rows"].tolist(), predicted, strict=True):
            for number, target in enumerate(table.target_names):
                measured = table.targets[molecule, number]
                named = [*where, numbers[at.data][molecule], target]
                writer.writerow([*named, f"{measured:.6g}", f"{values[number]:.6g}"])
    return out.getvalue()


def _versions() -> dict[str, str]:
    return {
        "rnc_graph": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{library: version(library) for library in _LIBRARIES},
    }
