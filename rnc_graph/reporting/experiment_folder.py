"""What ``rnc-graph run`` writes: tables, predictions, figures, the spec, versions."""

from __future__ import annotations

import csv
import gzip
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

import numpy as np
import pandas as pd
import yaml
from threadpoolctl import threadpool_limits

from rnc_graph import __version__
from rnc_graph.errors import BadValueError
from rnc_graph.experiments.results import RUNS, Outcome, evaluated_sets
from rnc_graph.experiments.spec import Experiment
from rnc_graph.files import check_output_folder, write_bytes, write_text
from rnc_graph.metrics import CLASSIFICATION, PairedDifference, Summary
from rnc_graph.reporting import experiment_figures as figures
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.condition import condition_of
from rnc_graph.reporting.provenance import PROVENANCE
from rnc_graph.reporting.tables import MEAN_OF_TARGETS, MethodRow, ResultTable
from rnc_graph.reporting.text_tables import as_markdown

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
_CSV = {"mean": "difference", "uncorrected_p": "p_uncorrected"}
_JSON_ALONE = ("n", "bootstrap_low", "bootstrap_high", "uncorrected_low", "uncorrected_high")

PREDICTIONS = "predictions.csv.gz"
_TEXTS = ("table.md", "table.csv", "table.json", "spec.yaml", "versions.json")

_FIGURES = ("differences", "embeddings", "confusion", "predicted_against_measured", "regions")

DRAWN = 4
"""Tables that ``run`` draws figures of, the first ones; ``report --figures`` draws those of all."""


def write_experiment(
    folder: Path, outcome: Outcome, tables: Sequence[ResultTable], command: str
) -> list[Path]:
    """Write all files of an experiment and return their paths; equal runs give equal bytes.

    Figures are drawn of the first four tables. ``command`` is what a reader types to make the
    results again.
    """
    written = write_texts(folder, outcome, tables, command)
    # One thread: the same bytes on any number of processors, and quicker for such small sets.
    with threadpool_limits(1):
        return written + draw_tables(folder, outcome, tables[:DRAWN])


def check_folder(folder: Path, spec: Path) -> None:
    """Raise an error if results cannot be written, or would replace the spec or other files."""
    if (folder / "spec.yaml").exists() and (folder / "spec.yaml").samefile(spec):
        raise BadValueError(
            f"{spec}: would be replaced by the spec of the results, which has its defaults written "
            "out; copy it to another folder, or name one with --out"
        )
    ours = any((folder / name).exists() for name in ("store", RUNS, PROVENANCE))
    check_output_folder(folder, (*_TEXTS, PREDICTIONS), ours)


def write_texts(
    folder: Path, outcome: Outcome, tables: Sequence[ResultTable], command: str
) -> list[Path]:
    """Write all files but the figures; arguments as :func:`write_experiment`."""
    experiment = outcome.experiment
    texts = (
        as_markdown(outcome, tables, command),
        as_csv(tables),
        as_json(experiment, tables, command),
        spec_text(experiment),
        json.dumps(_versions(), indent=1) + "\n",
    )
    for name, text in zip(_TEXTS, texts, strict=True):
        write_text(folder / name, text)
    # Without the time, so that equal predictions are equal bytes.
    predictions = gzip.compress(_predictions(outcome).encode("utf-8"), mtime=0)
    write_bytes(folder / PREDICTIONS, predictions)
    return [folder / name for name in (*_TEXTS, PREDICTIONS)]


def spec_text(experiment: Experiment) -> str:
    """Return the whole spec as YAML, defaults included."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def draw_tables(folder: Path, outcome: Outcome, tables: Sequence[ResultTable]) -> list[Path]:
    """Draw the figures of each table into a folder and return their paths."""
    written: list[Path] = []
    for table in tables:
        of = condition_of(outcome, table)
        drawn = {"differences": figures.draw_differences([table], f"{of.title}, {of.seeds}")}
        if table.target != MEAN_OF_TARGETS:
            drawn["embeddings"] = figures.draw_embeddings(of)
            if table.scoring is CLASSIFICATION:
                drawn["confusion"] = figures.draw_confusion(of)
            else:
                drawn["predicted_against_measured"] = figures.draw_predictions(of)
                if outcome.experiment.splits[table.split].long_tail is not None:
                    drawn["regions"] = figures.draw_regions(of)
        data = table.data if len(outcome.experiment.data) > 1 else ""
        words = [*filter(None, (data, table.split, table.encoder, table.target))]
        for name, figure in drawn.items():
            if figure is not None:
                written.append(_free(folder, "_".join([name, *words]), written))
                style.save(figure, written[-1])
    return written


def _free(folder: Path, words: str, taken: Sequence[Path]) -> Path:
    """Return the path of a picture that none of the taken ones has, short enough for a disk."""
    name = re.sub(r"[^\w.=-]+", "_", words).encode()[:150].decode(errors="ignore")
    path, number = folder / f"{name}.png", 2
    while path in taken:
        path, number = folder / f"{name}-{number}.png", number + 1
    return path


def earlier_files(folder: Path, written: Sequence[Path]) -> list[Path]:
    """Return what an experiment's folder still has of earlier tables than the written ones."""
    pictures = {path for name in _FIGURES for path in folder.glob(f"{name}*.png")}
    reported = {folder / name for name in ("report.html", "paper", "figures")}
    return sorted(path for path in (pictures | reported).difference(written) if path.exists())


def as_csv(tables: Sequence[ResultTable]) -> str:
    """Return one line for each condition, method, set, scale and metric."""
    lines = []
    for table in tables:
        compared = (table.compared, table.scoring.scale)
        for row in table.rows:
            for (name, scale, metric), summary in row.summaries.items():
                unit = numbers.unit_of(metric, scale, table.unit)
                difference = row.differences.get(metric) if (name, scale) == compared else None
                lines.append(_line(table, row, (name, scale, metric, unit), summary, difference))
            for metric, summary in row.further_metrics.items():
                difference = row.further_differences.get(metric)
                lines.append(_line(table, row, (*compared, metric, ""), summary, difference))
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")


def _line(
    table: ResultTable,
    row: MethodRow,
    of: tuple[str, str, str, str],
    summary: Summary,
    difference: PairedDifference | None,
) -> dict[str, Any]:
    compared = asdict(difference) if difference else {}
    return {
        **_of(table),
        "method": row.name,
        "baseline": row.baseline,
        **dict(zip(("set", "scale", "metric", "unit"), of, strict=True)),
        "seeds": len(summary.values),
        "mean": summary.mean,
        "sd": summary.sd,
        "mean_low": summary.low,
        "mean_high": summary.high,
        **{_CSV.get(k, k): value for k, value in compared.items() if k not in _JSON_ALONE},
    }


def _of(table: ResultTable) -> dict[str, str]:
    target = {"target": table.target} if table.target else {}
    return {"data": table.data, "split": table.split, "encoder": table.encoder, **target}


def as_json(experiment: Experiment, tables: Sequence[ResultTable], command: str) -> str:
    """Return everything, nested: condition, row, set, scale, metric; without what is undefined.

    Each condition is a line; numbers have eight significant digits.
    """
    content = {
        "experiment": experiment.name,
        "command": command,
        "reference": experiment.reference,
    }
    conditions = [
        {**_of(table), "unit": table.unit, "rows": {r.name: _row(r) for r in table.rows}}
        for table in tables
    ]
    lines = ",\n".join(json.dumps(condition, separators=(",", ":")) for condition in conditions)
    return f'{json.dumps(content)[:-1]}, "tables": [\n{lines}\n]}}\n'


def _row(row: MethodRow) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for (name, scale, metric), summary in row.summaries.items():
        metrics.setdefault(name, {}).setdefault(scale, {})[metric] = _defined(summary)
    return {
        "baseline": row.baseline,
        "seeds": row.seeds,
        "reference": row.reference,
        "rank": row.rank,
        "metrics": metrics,
        "difference": {metric: _defined(d) for metric, d in row.differences.items()},
        "measures": {name: _defined(summary) for name, summary in row.further_metrics.items()},
        "measure_difference": {name: _defined(d) for name, d in row.further_differences.items()},
    }


def _defined(found: Summary | PairedDifference) -> dict[str, Any]:
    """Return the fields that are not None: of a single seed most of them are."""
    return {name: _short(value) for name, value in asdict(found).items() if value is not None}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.8g}")
    return [*map(_short, value)] if isinstance(value, list | tuple) else value


def _predictions(outcome: Outcome) -> str:
    """Return each prediction of the compared set, with the sample's row in its source."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    compared = evaluated_sets(outcome.experiment)[0]
    point = ["data", "split", "encoder", "method", "seed"]
    tables = [*outcome.tables.values()]
    names = any(getattr(table, "ids", None) for table in tables)
    bounds = any(getattr(table, "censored", None) is not None for table in tables)
    header = [*point, "sample", *["id"] * names, "target", "measured", "predicted"]
    writer.writerow([*header, *["relation"] * bounds])
    for run in outcome.runs:
        table = outcome.tables[run.data]
        of_run = [getattr(run, name) for name in point]
        samples = run.tensors[f"{compared}_rows"].numpy()
        predicted = run.tensors[f"{compared}_predictions"].tolist()
        ids, censored = getattr(table, "ids", None), getattr(table, "censored", None)
        for row, values, sample in zip(
            table.rows[samples].tolist(), predicted, samples, strict=True
        ):
            own = [ids[sample] if ids else ""] * names
            sides = np.zeros(len(values), int) if censored is None else censored[sample]
            for target, side, *both in zip(
                table.target_names, sides, table.targets[sample].tolist(), values, strict=True
            ):
                shown = [table.classes[int(v)] if table.classes else _cell(v) for v in both]
                relation = ["" if math.isnan(both[0]) else "=><"[side]] * bounds
                writer.writerow([*of_run, row, *own, target, *shown, *relation])
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
