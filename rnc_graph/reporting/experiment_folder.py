"""What ``rnc-graph run`` writes: tables, predictions, figures, the spec, versions."""

from __future__ import annotations

import csv
import io
import json
import math
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from threadpoolctl import threadpool_limits

from rnc_graph import __version__
from rnc_graph.experiments.results import Outcome, evaluated_sets
from rnc_graph.experiments.spec import Experiment
from rnc_graph.files import write_text
from rnc_graph.metrics import CLASSIFICATION, PairedDifference, Summary
from rnc_graph.reporting import figures, numbers, style
from rnc_graph.reporting.condition import condition_of
from rnc_graph.reporting.markup import code, markdown, markdown_table
from rnc_graph.reporting.protocol import notes
from rnc_graph.reporting.tables import MEAN_OF_TARGETS, MethodRow, ResultTable
from rnc_graph.reporting.text_tables import text_tables

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

# What table.csv calls otherwise, and what is in table.json alone.
_CSV = {"mean": "difference", "corrected_p": "p_corrected"}
_JSON_ALONE = ("n", "bootstrap_low", "bootstrap_high", "corrected_low", "corrected_high")

# More tables than this get no figures of their own: the report shows them.
_DRAWN = 4


def write_experiment(
    folder: Path, outcome: Outcome, tables: Sequence[ResultTable], command: str
) -> list[Path]:
    """Write all files of an experiment and return their paths; equal runs give equal bytes.

    Args:
        folder: takes the files.
        outcome: the finished experiment.
        tables: its tables.
        command: what a reader types to make the results again.
    """
    experiment = outcome.experiment
    texts = {
        "table.md": as_markdown(experiment, tables, command),
        "table.csv": as_csv(tables),
        "table.json": as_json(experiment, tables, command),
        "predictions.csv": _predictions(outcome),
        "spec.yaml": spec_text(experiment),
        "versions.json": json.dumps(_versions(), indent=1) + "\n",
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    written = [folder / name for name in texts]
    # One thread: the same bytes on any number of processors, and quicker for such small sets.
    with threadpool_limits(1):
        return written + _draw(folder, outcome, tables)


def spec_text(experiment: Experiment) -> str:
    """Return the whole spec as YAML, defaults included."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _draw(folder: Path, outcome: Outcome, tables: Sequence[ResultTable]) -> list[Path]:
    """Draw the first tables."""
    written: list[Path] = []
    for table in tables[:_DRAWN]:
        condition = condition_of(outcome, table)
        classes = table.scoring is CLASSIFICATION
        pooled = table.target == MEAN_OF_TARGETS
        title = f"{condition.title}, {numbers.plural(len(table.seeds), 'seed')}"
        drawn = {
            "confusion": figures.draw_confusion(condition) if classes else None,
            "predicted_against_measured": (
                None if classes or pooled else figures.draw_predictions(condition)
            ),
            "embeddings": None if pooled else figures.draw_embeddings(condition),
            "differences": figures.draw_differences([table], title),
        }
        if outcome.experiment.splits[table.split].long_tail is not None and not (classes or pooled):
            drawn["regions"] = figures.draw_regions(condition)
        for name, figure in drawn.items():
            if figure is not None:
                written.append(folder / f"{'_'.join([name, *_words(outcome, table)])}.png")
                style.save(figure, written[-1])
    return written


def _words(outcome: Outcome, table: ResultTable) -> list[str]:
    """Return what distinguishes a table from the others, for the names of its files."""
    data = table.data if len(outcome.experiment.data) > 1 else ""
    words = filter(None, (data, table.split, table.encoder, table.target))
    return [re.sub(r"[^\w.=-]+", "_", word) for word in words]


def as_markdown(experiment: Experiment, tables: Sequence[ResultTable], command: str) -> str:
    """Return the tables as a page of Markdown."""
    lines = [f"# {markdown(experiment.title or experiment.name)}", ""]
    lines += [f"Made by {code(command)}.", ""]
    for table in tables:
        for text in text_tables(experiment, table):
            lines += [f"## {markdown(text.title)}", ""]
            lines += [*markdown_table(text.header, text.cells), ""]
    said = notes(experiment, [table.scoring for table in tables])
    return "\n".join([*lines, *(f"{markdown(note)}\n" for note in said)])


def as_csv(tables: Sequence[ResultTable]) -> str:
    """Return one line for each condition, method, set, scale and metric."""
    lines = []
    for table in tables:
        for row in table.rows:
            for (name, scale, metric), summary in row.summaries.items():
                unit = numbers.unit_of(metric, scale, table.unit)
                compared = (name, scale) == (table.compared, table.scoring.scale)
                difference = row.differences.get(metric) if compared else None
                lines.append(_line(table, row, (name, scale, metric, unit), summary, difference))
            for metric, summary in row.measures.items():
                of = (table.compared, table.scoring.scale, metric, "")
                difference = row.measure_differences.get(metric)
                lines.append(_line(table, row, of, summary, difference))
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")


def _line(
    table: ResultTable,
    row: MethodRow,
    of: tuple[str, str, str, str],
    summary: Summary,
    difference: PairedDifference | None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "data": table.data,
        "split": table.split,
        "encoder": table.encoder,
        **({"target": table.target} if table.target else {}),
        "method": row.name,
        "baseline": row.baseline,
        **dict(zip(("set", "scale", "metric", "unit"), of, strict=True)),
        "seeds": len(summary.values),
        "mean": summary.mean,
        "sd": summary.sd,
        "mean_low": summary.low,
        "mean_high": summary.high,
    }
    if difference is not None:
        values = asdict(difference).items()
        found |= {_CSV.get(name, name): v for name, v in values if name not in _JSON_ALONE}
    return found


def as_json(experiment: Experiment, tables: Sequence[ResultTable], command: str) -> str:
    """Return everything, nested: condition, row, set, scale, metric."""
    content = {
        "experiment": experiment.name,
        "command": command,
        "reference": experiment.reference,
        "tables": [
            {
                "data": table.data,
                "split": table.split,
                "encoder": table.encoder,
                **({"target": table.target} if table.target else {}),
                "unit": table.unit,
                "rows": {row.name: _row_as_json(row) for row in table.rows},
            }
            for table in tables
        ],
    }
    return json.dumps(content, indent=1) + "\n"


def _row_as_json(row: MethodRow) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for (name, scale, metric), summary in row.summaries.items():
        metrics.setdefault(name, {}).setdefault(scale, {})[metric] = asdict(summary)
    return {
        "baseline": row.baseline,
        "seeds": row.seeds,
        "reference": row.reference,
        "rank": row.rank,
        "metrics": metrics,
        "difference": {metric: asdict(d) for metric, d in row.differences.items()},
        "measures": {name: asdict(summary) for name, summary in row.measures.items()},
        "measure_difference": {name: asdict(d) for name, d in row.measure_differences.items()},
    }


def _predictions(outcome: Outcome) -> str:
    """Return each prediction of the compared set, with the sample's row in its source."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    compared = evaluated_sets(outcome.experiment)[0]
    columns = ["data", "split", "encoder", "method", "seed", "sample", "target"]
    writer.writerow([*columns, "measured", "predicted"])
    numbers_of = {name: table.rows.tolist() for name, table in outcome.samples.items()}
    for run in outcome.runs:
        table = outcome.samples[run.data]
        classes = table.classes
        point = [run.data, run.split, run.encoder, run.method, run.seed]
        predicted = run.tensors[f"{compared}_predictions"].tolist()
        samples = run.tensors[f"{compared}_rows"].tolist()
        for sample, values in zip(samples, predicted, strict=True):
            for number, target in enumerate(table.target_names):
                both = (table.targets[sample, number], values[number])
                shown = [classes[int(v)] if classes else _cell(v) for v in both]
                writer.writerow([*point, numbers_of[run.data][sample], target, *shown])
    return out.getvalue()


def _cell(value: float) -> str:
    """Return a number as text; a missing one is an empty cell."""
    return "" if math.isnan(value) else f"{value:.6g}"


def _versions() -> dict[str, str]:
    return {
        "rnc_graph": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{library: version(library) for library in _LIBRARIES},
    }
