"""Tables as Markdown, CSV, JSON, and on the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from rnc_graph.evaluation import MEASURES, METRICS, PairedDifference, Summary
from rnc_graph.evaluation.representation import RETRIEVED
from rnc_graph.experiments.results import RANKED_BY, SCALES, Row, Table, parts
from rnc_graph.experiments.spec import Experiment

# Six significant digits would pretend to more than a handful of seeds can tell.
_DIGITS = 3

# Which measures a table shows side by side; the CSV and the JSON file hold them all.
_MEASURE_SHEETS = {
    "how the embedding follows the target": ("probe_rmse", "knn_rmse", "order", "triplets"),
    "retrieval of training molecules, share of hits": tuple(f"precision_{k}" for k in RETRIEVED),
    "retrieval of training molecules, label error": tuple(f"label_error_{k}" for k in RETRIEVED),
    "molecules from outside": (
        "ood_knn_auroc",
        "ood_knn_fpr95",
        "ood_mahalanobis_auroc",
        "ood_mahalanobis_fpr95",
    ),
    "spread of the embedding": ("uniformity", "alignment"),
    "where training molecules are many and few, standardised": (
        "mae_many",
        "mae_medium",
        "mae_few",
        "balanced_mae",
        "gmean",
    ),
}

_SHORT = {"test": "test", "validation": "val."}


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


def _difference(difference: PairedDifference) -> str:
    if difference.low is None or difference.high is None:
        return f"{difference.mean:+.{_DIGITS}f}"
    return (
        f"{difference.mean:+.{_DIGITS}f} "
        f"[{difference.low:+.{_DIGITS}f}, {difference.high:+.{_DIGITS}f}]"
    )


def _verdict(difference: PairedDifference) -> str:
    """Say in a word what a difference in error means at the 5% level, after Holm's correction."""
    if difference.p_holm is None:
        return "—"
    if difference.p_holm >= 0.05:
        return "open"
    return "better" if difference.mean < 0 else "worse"


@dataclass(frozen=True)
class _Sheet:
    """A table ready to be shown."""

    title: str
    header: list[str]
    cells: list[list[str]]
    baselines: int  # how many of the last lines are baselines


def _sheets(experiment: Experiment, table: Table, unit: str) -> list[_Sheet]:
    """Return the metrics in each scale, the differences to the references, and the measures."""
    compared, *others = parts(experiment)
    count = len(table.rows[0].seeds)
    seeds = f"{table.encoder}, {count} seed{'s' if count > 1 else ''}"
    columns = [(part, metric) for part in (compared, *others) for metric in METRICS]
    ranked = experiment.ranked
    sheets = [
        _Sheet(
            f"{seeds}: errors in {_scale_name(scale, unit)}",
            [
                "method",
                *(["mean rank"] if ranked else []),
                *(f"{_SHORT[part]} {metric.upper()}" for part, metric in columns),
            ],
            [
                [
                    row.name,
                    *([f"{row.rank:.1f}"] if ranked else []),
                    *(_value(row.summaries[p, scale, m]) for p, m in columns),
                ]
                for row in table.rows
            ],
            sum(row.baseline for row in table.rows),
        )
        for scale in SCALES
    ]
    return [*sheets, *_difference_sheets(experiment, table, seeds), *_measure_sheets(table, seeds)]


def _difference_sheets(experiment: Experiment, table: Table, seeds: str) -> list[_Sheet]:
    """Return the paired differences, one sheet a reference."""
    metrics = ("rmse", "mae")
    header = ["method"]
    for metric in metrics:
        short = _SHORT[parts(experiment)[0]]
        header += [f"Δ {short} {metric.upper()} [95%]", "p (Holm)", "verdict"]
    sheets = []
    for reference in dict.fromkeys(row.reference for row in table.rows):
        rows = [row for row in table.rows if row.reference == reference and row.differences]
        lines = []
        for row in rows:
            cells = [row.name]
            for metric in metrics:
                difference = row.differences[metric]
                cells += [_difference(difference), _p(difference.p_holm), _verdict(difference)]
            lines.append(cells)
        title = f"{seeds}: paired difference to {reference}, standardised"
        sheets.append(_Sheet(title, header, lines, sum(row.baseline for row in rows)))
    return sheets


def _measure_sheets(table: Table, seeds: str) -> list[_Sheet]:
    """Return the further measures, by what they look at; none where nothing was measured."""
    sheets = []
    for title, names in _MEASURE_SHEETS.items():
        columns = [name for name in names if any(name in row.measures for row in table.rows)]
        rows = [row for row in table.rows if any(name in row.measures for name in columns)]
        if columns:
            sheets.append(
                _Sheet(
                    f"{seeds}: {title}",
                    ["method", *(MEASURES[name].title for name in columns)],
                    [[row.name, *(_measure(row, name) for name in columns)] for row in rows],
                    sum(row.baseline for row in rows),
                )
            )
    return sheets


def _measure(row: Row, name: str) -> str:
    """Show a measure, marked where it differs from the reference's after Holm's correction."""
    if name not in row.measures:
        return "—"
    count = len(row.measures[name].values)
    fewer = f" ({count} seed{'s' if count > 1 else ''})" if count < len(row.seeds) else ""
    shown = _value(row.measures[name]) + fewer
    difference, direction = row.measure_differences.get(name), MEASURES[name].higher_is_better
    if direction is None or difference is None or difference.p_holm is None:
        return shown
    if difference.p_holm >= 0.05:
        return shown
    return f"{shown} {'▲' if (difference.mean > 0) == direction else '▼'}"


def _scale_name(scale: str, unit: str) -> str:
    return "standardised units" if scale == "standardised" else unit or "the target's unit"


def markdown(experiment: Experiment, tables: Sequence[Table], unit: str, command: str) -> str:
    """Return the tables as a Markdown page."""
    lines = [f"# {experiment.title or experiment.name}", "", f"Made by `{command}`.", ""]
    for table in tables:
        for sheet in _sheets(experiment, table, unit):
            lines += [f"## {sheet.title}", ""]
            lines += [_markdown_row(sheet.header), _markdown_row(["---"] * len(sheet.header))]
            lines += [*map(_markdown_row, sheet.cells), ""]
    return "\n".join([*lines, *(f"{note}\n" for note in notes(experiment))])


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def notes(experiment: Experiment) -> list[str]:
    """Return the protocol in words, for below a table."""
    split = experiment.split
    shares = "/".join(f"{100 * share:g}" for share in (split.train, split.validation, split.test))
    tail = split.long_tail
    thinned = (
        f"the training part thinned to a long tail at the {tail.tail} end, {tail.imbalance:g} to 1 "
        f"over {tail.bins} bins (more than {tail.many} molecules: many-shot, fewer than "
        f"{tail.few}: few-shot); "
        if tail
        else ""
    )
    touched = (
        "the test part was not touched"
        if experiment.evaluate == "validation"
        else "the test part was touched once a run"
    )
    notes = [
        f"Mean ± standard deviation over split seeds; random {shares} splits by seed; "
        f"{thinned}targets standardised by the training part; the epoch was selected by "
        f"validation MAE; {touched}.",
        "Δ: mean paired difference to the reference, seed by seed; negative is better; "
        "95% interval of the paired t test, not corrected; its p value corrected by Holm over the "
        "methods with one reference, and over the baselines. The verdict is open where the "
        "corrected p is 0.05 or more. The splits overlap: by Nadeau and Bengio's correction the "
        "intervals would be sqrt(1 + seeds * test part / training part) times as wide, 1.5 times "
        "for 10 seeds of 80/10/10.",
    ]
    if experiment.ranked:
        notes.append(
            f"Sorted by {RANKED_BY.upper()}; mean rank: the row's place among all, seed by seed, "
            "averaged."
        )
    if experiment.representation or tail:
        notes.append(
            "▲ ▼: better or worse than the reference's after Holm's correction, by the same tests, "
            "measure by measure; labels are standardised."
        )
    if experiment.representation:
        notes.append(
            "Retrieval counts a hit within "
            f"{experiment.representation.tolerance:g} of the label. Molecules from outside: "
            f"{experiment.representation.outside or 'none'}."
        )
    return notes


def as_csv(experiment: Experiment, tables: Sequence[Table], unit: str) -> str:
    """Return one line for each encoder, row, part, scale and metric."""
    lines = [
        {
            "encoder": table.encoder,
            "row": row.name,
            "baseline": row.baseline,
            "part": part,
            "scale": scale,
            "metric": metric,
            "unit": unit_of(metric, scale, unit),
            "seeds": len(row.seeds),
            "mean": summary.mean,
            "sd": summary.sd,
            **_difference_cells(experiment, row, part, scale, metric),
        }
        for table in tables
        for row in table.rows
        for (part, scale, metric), summary in row.summaries.items()
    ]
    lines += [
        {
            "encoder": table.encoder,
            "row": row.name,
            "baseline": row.baseline,
            "part": parts(experiment)[0],
            "scale": "standardised",
            "metric": name,
            "unit": "",
            "seeds": len(summary.values),
            "mean": summary.mean,
            "sd": summary.sd,
            **_as_cells(row.measure_differences.get(name)),
        }
        for table in tables
        for row in table.rows
        for name, summary in row.measures.items()
    ]
    return pd.DataFrame(lines).to_csv(index=False, lineterminator="\n")


def _difference_cells(
    experiment: Experiment, row: Row, part: str, scale: str, metric: str
) -> dict[str, float | None]:
    """Return the paired difference as columns, where there is one."""
    if (part, scale) != (parts(experiment)[0], "standardised"):
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
    }


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
        "reference": row.reference,
        "rank": row.rank,
        "metrics": metrics,
        "difference": {metric: asdict(d) for metric, d in row.differences.items()},
        "measures": {name: asdict(summary) for name, summary in row.measures.items()},
        "measure_difference": {name: asdict(d) for name, d in row.measure_differences.items()},
    }


def print_tables(
    console: Console, experiment: Experiment, tables: Sequence[Table], unit: str
) -> None:
    """Print the tables."""
    for table in tables:
        for sheet in _sheets(experiment, table, unit):
            title = escape(sheet.title)
            rich = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD)
            for number, heading in enumerate(sheet.header):
                rich.add_column(escape(heading), no_wrap=number == 0)
            for number, cells in enumerate(sheet.cells, start=1):
                rich.add_row(
                    *map(escape, cells), end_section=number == len(sheet.cells) - sheet.baselines
                )
            console.print(rich)
    for note in notes(experiment):
        console.print(note, style="dim", highlight=False, markup=False)
