"""Tables as Markdown, CSV, JSON, and on the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from rnc_graph.experiments.protocol import notes
from rnc_graph.experiments.results import Row, Table, parts
from rnc_graph.experiments.sheets import sheets_of
from rnc_graph.experiments.spec import Experiment
from rnc_graph.metrics import METRICS, PairedDifference


def unit_of(metric: str, scale: str, unit: str) -> str:
    """Return the unit of a metric: "sd" stands for the training set's standard deviation."""
    if scale == "share":
        return "nats" if metric == "cross_entropy" else "share"
    base = "sd" if scale == "standardized" else unit or "unit of the target"
    return base if METRICS[metric] == 1 else f"({base})²"


def markdown(experiment: Experiment, tables: Sequence[Table], command: str) -> str:
    """Return the tables as a Markdown page."""
    lines = [f"# {experiment.title or experiment.name}", "", f"Made by `{command}`.", ""]
    for table in tables:
        for sheet in sheets_of(experiment, table):
            lines += [f"## {sheet.title}", ""]
            lines += [_markdown_row(sheet.header), _markdown_row(["---"] * len(sheet.header))]
            lines += [*map(_markdown_row, sheet.cells), ""]
    return "\n".join([*lines, *(f"{note}\n" for note in _notes(experiment, tables))])


def _notes(experiment: Experiment, tables: Sequence[Table]) -> list[str]:
    return notes(experiment, [table.scoring for table in tables])


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def as_csv(experiment: Experiment, tables: Sequence[Table]) -> str:
    """Return one line for each encoder, row, part, scale and metric."""
    lines = [
        {
            "data": table.data,
            "split": table.split,
            "encoder": table.encoder,
            "row": row.name,
            "baseline": row.baseline,
            "part": part,
            "scale": scale,
            "metric": metric,
            "unit": unit_of(metric, scale, table.unit),
            "seeds": len(row.seeds),
            "mean": summary.mean,
            "sd": summary.sd,
            "mean_low": summary.low,
            "mean_high": summary.high,
            **_difference_cells(experiment, table, row, (part, scale, metric)),
        }
        for table in tables
        for row in table.rows
        for (part, scale, metric), summary in row.summaries.items()
    ]
    lines += [
        {
            "data": table.data,
            "split": table.split,
            "encoder": table.encoder,
            "row": row.name,
            "baseline": row.baseline,
            "part": parts(experiment)[0],
            "scale": table.scoring.scale,
            "metric": name,
            "unit": "",
            "seeds": len(summary.values),
            "mean": summary.mean,
            "sd": summary.sd,
            "mean_low": summary.low,
            "mean_high": summary.high,
            **_as_cells(row.measure_differences.get(name)),
        }
        for table in tables
        for row in table.rows
        for name, summary in row.measures.items()
    ]
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")


def _difference_cells(
    experiment: Experiment, table: Table, row: Row, score: tuple[str, str, str]
) -> dict[str, float | None]:
    """Return the paired difference as columns, where there is one."""
    part, scale, metric = score
    if (part, scale) != (parts(experiment)[0], table.scoring.scale):
        return {}
    return _as_cells(row.differences.get(metric))


def _as_cells(difference: PairedDifference | None) -> dict[str, float | None]:
    if difference is None:
        return {}
    return {
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "p_holm": difference.p_holm,
        "wilcoxon": difference.wilcoxon,
        "wilcoxon_holm": difference.wilcoxon_holm,
        "p_corrected": difference.corrected_p,
        "effect": difference.effect,
        "wins": difference.wins,
        "ties": difference.ties,
        "losses": difference.losses,
        "detectable": difference.detectable,
    }


def as_json(experiment: Experiment, tables: Sequence[Table], command: str) -> str:
    """Return everything, nested: condition, row, part, scale, metric."""
    content = {
        "experiment": experiment.name,
        "command": command,
        "reference": experiment.reference,
        "tables": [
            {
                "data": table.data,
                "split": table.split,
                "encoder": table.encoder,
                "unit": table.unit,
                "rows": {row.name: _row_as_json(row) for row in table.rows},
            }
            for table in tables
        ],
    }
    return json.dumps(content, indent=1) + "\n"


def _row_as_json(row: Row) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for (part, scale, metric), summary in row.summaries.items():
        metrics.setdefault(part, {}).setdefault(scale, {})[metric] = asdict(summary)
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


def print_tables(console: Console, experiment: Experiment, tables: Sequence[Table]) -> None:
    """Print the tables."""
    for table in tables:
        for sheet in sheets_of(experiment, table):
            title = escape(sheet.title)
            rich = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD)
            for number, heading in enumerate(sheet.header):
                rich.add_column(escape(heading), no_wrap=number == 0)
            for number, cells in enumerate(sheet.cells, start=1):
                rich.add_row(
                    *map(escape, cells), end_section=number == len(sheet.cells) - sheet.baselines
                )
            console.print(rich)
    for note in _notes(experiment, tables):
        console.print(note, style="dim", highlight=False, markup=False)
