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
from rnc_graph.data.samples import SampleTable
from rnc_graph.experiments import formats
from rnc_graph.experiments.results import FinishedRun, Table, parts
from rnc_graph.experiments.spec import Experiment
from rnc_graph.files import write_text
from rnc_graph.metrics import CLASSES
from rnc_graph.reporting import figures

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
    samples: Mapping[str, SampleTable],
    tables: Sequence[Table],
    runs: Sequence[FinishedRun],
    command: str,
) -> list[Path]:
    """Write all files of an experiment and return their paths; equal runs give equal bytes."""
    texts = {
        "table.md": formats.markdown(experiment, tables, command),
        "table.csv": formats.as_csv(experiment, tables),
        "table.json": formats.as_json(experiment, tables, command),
        "predictions.csv": _predictions(experiment, samples, runs),
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
        return written + _draw(folder, experiment, samples, tables, runs)


def _draw(
    folder: Path,
    experiment: Experiment,
    samples: Mapping[str, SampleTable],
    tables: Sequence[Table],
    runs: Sequence[FinishedRun],
) -> list[Path]:
    """Draw the first tables."""
    written: list[Path] = []
    for table in tables[:_DRAWN]:
        split = experiment.splits[table.split]
        classes = table.scoring is CLASSES
        predictions = figures.confusion if classes else figures.predicted_against_measured
        drawings = [predictions, figures.embeddings]
        if any(row.differences and not row.baseline for row in table.rows):
            drawings.append(figures.differences)
        if split.long_tail is not None and not classes:
            drawings.append(figures.regions)
        own = [run for run in runs if table.holds(run.planned)]
        of = figures.TableRuns(experiment, samples[table.data], table, own)
        for draw in drawings:
            path = folder / f"{'_'.join([draw.__name__, *_words(experiment, table)])}.png"
            figures.save(draw(of), path)
            written.append(path)
    return written


def _words(experiment: Experiment, table: Table) -> list[str]:
    """Name a table's files: by what distinguishes it from the others."""
    data = table.data if len(experiment.data) > 1 else ""
    words = filter(None, (data, table.split, table.encoder))
    return [re.sub(r"[^\w.=-]+", "_", word) for word in words]


def _predictions(
    experiment: Experiment, samples: Mapping[str, SampleTable], runs: Sequence[FinishedRun]
) -> str:
    """Return each prediction of the evaluated part, by the sample's row below the header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    part = parts(experiment)[0]
    columns = ["data", "split", "encoder", "row", "seed", "sample", "target"]
    writer.writerow([*columns, "measured", "predicted"])
    numbers = {name: table.rows.tolist() for name, table in samples.items()}
    for run in runs:
        at, table = run.planned, samples[run.planned.data]
        classes = table.classes
        where = [at.data, at.split, at.encoder, at.row, at.seed]
        predicted = run.tensors[f"{part}_predictions"].tolist()
        for sample, values in zip(run.tensors[f"{part}_rows"].tolist(), predicted, strict=True):
            for number, target in enumerate(table.target_names):
                measured = table.targets[sample, number]
                named = [*where, numbers[at.data][sample], target]
                both = (measured, values[number])
                shown = [classes[int(v)] if classes else f"{v:.6g}" for v in both]
                writer.writerow([*named, *shown])
    return out.getvalue()


def _versions() -> dict[str, str]:
    return {
        "rnc_graph": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{library: version(library) for library in _LIBRARIES},
    }
