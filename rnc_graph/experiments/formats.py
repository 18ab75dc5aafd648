"""Tables as Markdown, CSV, JSON, and on the terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from rnc_graph.evaluation import PairedDifference, Summary
from rnc_graph.evaluation.metrics import METRICS
from rnc_graph.experiments.results import SCALES, Row, Table, parts
from rnc_graph.experiments.spec import Experiment

# Six significant digits would pretend to more than a handful of seeds can tell.
_DIGITS = 3


def unit_of(metric: str, scale: str, unit: str) -> str:
    """Return the unit of a metric: "sd" stands for the training part's standard deviation."""
    base = "sd" if scale == "standardised" else unit or "unit of the target"
    return base if METRICS[metric] == 1 else f"({base})²"


def _value(summary: Summary) -> str:
    if summary.sd is None:
        return f"{summary.mean:.{_DIGITS}f}"
    return f"{summary.mean:.{_DIGITS}f} ± {summary.sd:.{_DIGITS}f}"


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _difference(difference: PairedDifference | None) -> str:
    if difference is None:
        return ""
    if difference.low is None or difference.high is None:
        return f"{difference.mean:+.{_DIGITS}f}"
    return (
        f"{difference.mean:+.{_DIGITS}f} "
        f"[{difference.low:+.{_DIGITS}f}, {difference.high:+.{_DIGITS}f}]"
    )


def _verdict(difference: PairedDifference | None) -> str:
    """Say in a word what a difference in error means at the 5% level, after Holm's correction."""
    if difference is None:
        return "reference"
    if difference.p_holm is None or difference.p_holm >= 0.05:
        return "no difference shown"
    return "better" if difference.mean < 0 else "worse"


def _cells(experiment: Experiment, row: Row, scale: str) -> list[str]:
    """Return a row of the table in one scale: metrics, then the difference in RMSE."""
    metrics = [
        _value(row.summaries[part, scale, metric])
        for part in parts(experiment)
        for metric in METRICS
    ]
    difference = row.differences.get("rmse")
    return [
        row.name,
        *metrics,
        _difference(difference),
        _p(difference.p_holm if difference else None),
        _verdict(difference),
    ]


def _header(experiment: Experiment) -> list[str]:
    metrics = [f"{part} {metric.upper()}" for part in parts(experiment) for metric in METRICS]
    compared = f"{parts(experiment)[0]} RMSE − {experiment.reference} [95%], sd"
    return ["method", *metrics, compared, "p (Holm)", "verdict"]


def _caption(table: Table, scale: str, unit: str) -> str:
    where = "standardised units" if scale == "standardised" else unit or "the target's unit"
    return f"{table.encoder}, {len(table.rows[0].seeds)} seeds, {where}"


def markdown(experiment: Experiment, tables: Sequence[Table], unit: str, command: str) -> str:
    """Return the tables as a Markdown page."""
    lines = [f"# {experiment.title or experiment.name}", "", f"Made by `{command}`.", ""]
    header = _header(experiment)
    for table in tables:
        for scale in SCALES:
            lines += [f"## {_caption(table, scale, unit)}", ""]
            lines += [_markdown_row(header), _markdown_row(["---"] * len(header))]
            lines += [_markdown_row(_cells(experiment, row, scale)) for row in table.rows]
            lines.append("")
    return "\n".join([*lines, *notes(experiment), ""])


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def notes(experiment: Experiment) -> list[str]:
    """Return the protocol in words, for below a table."""
    split = experiment.split
    shares = "/".join(f"{100 * share:g}" for share in (split.train, split.validation, split.test))
    return [
        f"Mean ± standard deviation over split seeds; random {shares} splits; targets standardised "
        "by the training part (sd: its standard deviation); epochs selected by validation MAE"
        + (
            "; the test part was not touched."
            if experiment.evaluate == "validation"
            else "; the test part touched once a run."
        ),
        f"Difference: mean of the paired differences to {experiment.reference} seed by seed, with "
        "the 95% interval and the p value of the paired t test, corrected by Holm over the methods "
        "and over the baselines. Negative is better. The splits overlap, so the intervals are "
        "somewhat too narrow.",
    ]


def as_csv(experiment: Experiment, tables: Sequence[Table], unit: str) -> str:
    """Return one line for each encoder, row, part, scale and metric."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        "encoder row baseline part scale metric unit seeds mean sd difference low high p p_holm".split()
    )
    for table in tables:
        for row in table.rows:
            for (part, scale, metric), summary in row.summaries.items():
                compared = part == parts(experiment)[0] and scale == "standardised"
                difference = row.differences.get(metric) if compared else None
                paired: list[Any] = ["", "", "", "", ""]
                if difference is not None:
                    paired = [
                        difference.mean,
                        difference.low,
                        difference.high,
                        difference.p,
                        difference.p_holm,
                    ]
                writer.writerow(
                    [table.encoder, row.name, row.baseline, part, scale, metric]
                    + [unit_of(metric, scale, unit), summary.n, summary.mean, summary.sd, *paired]
                )
    return out.getvalue()


def as_json(experiment: Experiment, tables: Sequence[Table], unit: str, command: str) -> str:
    """Return everything, nested: encoder, row, part, scale, metric."""
    content = {
        "experiment": experiment.name,
        "command": command,
        "unit": unit,
        "reference": experiment.reference,
        "encoders": {
            table.encoder: {row.name: _row_as_json(row) for row in table.rows} for table in tables
        },
    }
    return json.dumps(content, indent=1) + "\n"


def _row_as_json(row: Row) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for (part, scale, metric), summary in row.summaries.items():
        metrics.setdefault(part, {}).setdefault(scale, {})[metric] = asdict(summary)
    return {
        "baseline": row.baseline,
        "seeds": row.seeds,
        "metrics": metrics,
        "difference": {metric: asdict(d) for metric, d in row.differences.items()},
    }


def print_tables(
    console: Console, experiment: Experiment, tables: Sequence[Table], unit: str
) -> None:
    """Print the tables."""
    for table in tables:
        for scale in SCALES:
            rich = RichTable(title=_caption(table, scale, unit), title_justify="left")
            for heading in _header(experiment):
                rich.add_column(heading)
            for number, row in enumerate(table.rows):
                following = table.rows[number + 1 : number + 2]
                ends = any(next_row.baseline != row.baseline for next_row in following)
                rich.add_row(*_cells(experiment, row, scale), end_section=ends)
            console.print(rich)
    for note in notes(experiment):
        console.print(note, style="dim")
