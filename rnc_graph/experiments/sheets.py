"""What a table shows: sheets of ready cells, and the protocol in words below them."""

from __future__ import annotations

from dataclasses import dataclass

from rnc_graph.experiments.results import Row, Table, parts
from rnc_graph.experiments.spec import Experiment
from rnc_graph.metrics import CLASSES, MEASURES, PairedDifference, Summary
from rnc_graph.metrics.representation import RETRIEVED

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
    "where training molecules are many and few, standardized": (
        "mae_many",
        "mae_medium",
        "mae_few",
        "balanced_mae",
        "gmean",
    ),
    "accuracy": ("accuracy", "balanced_accuracy"),
    "accuracy where training samples are many and few": (
        "accuracy_many",
        "accuracy_medium",
        "accuracy_few",
    ),
    "what probes read out of the embedding": (
        "probe_accuracy",
        "probe_balanced_accuracy",
        "knn_accuracy",
    ),
    "retrieval of training samples of the same class": ("recall_1", "map"),
    "retrieval of training samples of the same group": ("recall_1_coarse", "map_coarse"),
    "where training had no labels, and elsewhere, standardized": (
        "mae_unseen",
        "mae_seen",
        "rmse_unseen",
        "rmse_seen",
    ),
}

_SHORT = {"test": "test", "validation": "val."}


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
class Sheet:
    """A table ready to be shown."""

    title: str
    header: list[str]
    cells: list[list[str]]
    baselines: int  # how many of the last lines are baselines


def sheets_of(experiment: Experiment, table: Table) -> list[Sheet]:
    """Return the metrics in each scale, the differences to the references, and the measures."""
    compared, *others = parts(experiment)
    count = len(table.rows[0].seeds)
    # The data set goes without saying where there is only one.
    where = table.name if len(experiment.data) > 1 else table.name.removeprefix(f"{table.data}, ")
    seeds = f"{where}, {count} seed{'s' if count > 1 else ''}"
    scoring = table.scoring
    columns = [(part, metric) for part in (compared, *others) for metric in scoring.metrics]
    ranked = experiment.ranked
    sheets = [
        Sheet(
            f"{seeds}: {_scale_name(scale, table.unit)}",
            [
                "method",
                *(["mean rank"] if ranked else []),
                *(f"{_SHORT[part]} {scoring.metrics[metric]}" for part, metric in columns),
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
        for scale in scoring.scales
    ]
    return [*sheets, *_difference_sheets(experiment, table, seeds), *_measure_sheets(table, seeds)]


def _difference_sheets(experiment: Experiment, table: Table, seeds: str) -> list[Sheet]:
    """Return the paired differences, one sheet a reference."""
    scoring = table.scoring
    metrics = (scoring.ranked_by, scoring.beside)
    header = ["method"]
    for metric in metrics:
        short = _SHORT[parts(experiment)[0]]
        header += [f"Δ {short} {scoring.metrics[metric]} [95%]", "p (Holm)", "verdict"]
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
        scale = ", standardized" if scoring.scale == "standardized" else ""
        title = f"{seeds}: paired difference to {reference}{scale}"
        sheets.append(Sheet(title, header, lines, sum(row.baseline for row in rows)))
    return sheets


def _measure_sheets(table: Table, seeds: str) -> list[Sheet]:
    """Return the further measures, by what they look at; none where nothing was measured."""
    sheets = []
    for title, names in _MEASURE_SHEETS.items():
        columns = [name for name in names if any(name in row.measures for row in table.rows)]
        rows = [row for row in table.rows if any(name in row.measures for name in columns)]
        if columns:
            shown = title.replace("molecules", "images") if table.scoring is CLASSES else title
            sheets.append(
                Sheet(
                    f"{seeds}: {shown}",
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
    if scale == "share":
        return "share of wrong classes, and cross-entropy in nats"
    units = "standardized units" if scale == "standardized" else unit or "the target's unit"
    return f"errors in {units}"
