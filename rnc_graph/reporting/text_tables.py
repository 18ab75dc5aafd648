"""The tables of an experiment as text: for the terminal, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from rnc_graph.errors import plural
from rnc_graph.experiments.results import Outcome, evaluated_sets
from rnc_graph.experiments.spec import Experiment
from rnc_graph.metrics import CLASSIFICATION, DISPLAY, REGIONS, RETRIEVED
from rnc_graph.reporting import numbers
from rnc_graph.reporting.markup import code, latex, markdown, markdown_table
from rnc_graph.reporting.over_datasets import COLUMNS, over_datasets
from rnc_graph.reporting.protocol import notes
from rnc_graph.reporting.tables import MethodRow, ResultTable

# The metrics of one table; the CSV and the JSON file have all of them.
_FURTHER = {
    "how the embedding follows the target": ("probe_rmse", "knn_rmse", "order", "triplets"),
    "retrieval of training molecules, share of hits": tuple(f"precision_{k}" for k in RETRIEVED),
    "retrieval of training molecules, label error": tuple(f"label_error_{k}" for k in RETRIEVED),
    "detection of out-of-distribution molecules": (
        "ood_knn_auroc",
        "ood_knn_fpr95",
        "ood_mahalanobis_auroc",
        "ood_mahalanobis_fpr95",
    ),
    "spread of the embedding": ("uniformity", "alignment"),
    "where training molecules are many and few, standardized": (
        *(f"mae_{region}" for region in REGIONS),
        *("balanced_mae", "gmean"),
    ),
    "accuracy": ("accuracy", "balanced_accuracy"),
    "accuracy where training samples are many and few": tuple(f"accuracy_{r}" for r in REGIONS),
    "probes of the embedding": ("probe_accuracy", "probe_balanced_accuracy", "knn_accuracy"),
    "retrieval of training samples of the same class": ("recall_1", "map"),
    "retrieval of training samples of the same group": ("recall_1_coarse", "map_coarse"),
    "labels that training lacked, and the others, standardized": (
        *("mae_unseen", "mae_seen", "rmse_unseen", "rmse_seen"),
    ),
}

_OVER_DATASETS = ("label_error_10", "order", "knn_rmse")

_SHORT = {"test": "test", "validation": "val."}


@dataclass(frozen=True)
class TextTable:
    """A table of text: the first column names the method, the last lines are baselines."""

    title: str
    header: list[str]
    cells: list[list[str]]
    baselines: int


def text_tables(experiment: Experiment, tables: Sequence[ResultTable]) -> list[TextTable]:
    """Return the comparison over data sets, if there are enough, then the tables of each condition.

    These are the errors in each scale, the differences to the references, and further metrics.
    """
    found = [text for table in tables for text in _of_condition(experiment, table)]
    return [
        *errors_over_datasets(experiment, tables),
        *embedding_over_datasets(experiment, tables),
        *found,
    ]


def errors_over_datasets(experiment: Experiment, tables: Sequence[ResultTable]) -> list[TextTable]:
    """Return the differences over data sets in both errors that are compared."""
    compared, scoring = tables[0].compared, tables[0].scoring
    found = []
    for metric in (scoring.ranked_by, scoring.secondary):
        over = over_datasets(experiment, tables, metric)
        if over is not None:
            score = f"{compared} {numbers.score_title(scoring, metric)}"
            title = f"over {len(over.datasets)} data sets: difference to the reference in {score}"
            last = len(over.differences) - len(over.methods)
            found.append(TextTable(title, [*COLUMNS], over.cells(), last))
    return found


def embedding_over_datasets(
    experiment: Experiment, tables: Sequence[ResultTable]
) -> list[TextTable]:
    """Return on how many data sets the metrics of the embedding are better; none without any."""
    header, cells = ["method"], dict[str, list[str]]()
    for metric in _OVER_DATASETS:
        over = over_datasets(experiment, tables, metric)
        if over is None:
            continue
        header += [f"{DISPLAY[metric].title} better in", "Wilcoxon p (Holm)"]
        for name, d in over.differences.items():
            better = d.losses if DISPLAY[metric].higher_is_better else d.wins
            cells.setdefault(name, []).extend([str(better), numbers.p_value(d.wilcoxon_holm)])
    if not cells:
        return []
    title = f"over {len({table.data for table in tables})} data sets: metrics of the embedding"
    return [TextTable(title, header, [[name, *line] for name, line in cells.items()], 0)]


def _of_condition(experiment: Experiment, table: ResultTable) -> list[TextTable]:
    # With a single data set its name is omitted.
    name = table.name if len(experiment.data) > 1 else table.name.removeprefix(f"{table.data}, ")
    trial = " (quick trial)" if numbers.trial(experiment.samples) else ""
    title = f"{name}, {plural(len(table.seeds), 'seed')}{trial}"
    return [
        *(_errors(experiment, table, scale, title) for scale in table.scoring.scales),
        *_differences(table, title),
        *_further(table, title),
    ]


def _errors(experiment: Experiment, table: ResultTable, scale: str, title: str) -> TextTable:
    metrics = table.scoring.metrics
    columns = [(name, metric) for name in evaluated_sets(experiment) for metric in metrics]
    header = ["method", *(f"{_SHORT[name]} {metrics[metric]}" for name, metric in columns)]
    cells = [
        [row.name, *(numbers.mean_and_sd(row.summaries[n, scale, m]) for n, m in columns)]
        for row in table.rows
    ]
    if experiment.ranked:
        header.insert(1, "mean rank")
        for row, line in zip(table.rows, cells, strict=True):
            line.insert(1, f"{row.rank:.1f}")
    baselines = sum(row.baseline for row in table.rows)
    return TextTable(f"{title}: {numbers.scale_title(scale, table.unit)}", header, cells, baselines)


def _differences(table: ResultTable, title: str) -> list[TextTable]:
    """Return the paired differences, one table a reference."""
    scoring = table.scoring
    metrics = (scoring.ranked_by, scoring.secondary)
    header = ["method"]
    for metric in metrics:
        score = f"{_SHORT[table.compared]} {scoring.metrics[metric]}"
        header += [f"Δ {score} [95%]", "p (Holm)", "verdict"]
    scale = ", standardized" if scoring.scale == "standardized" else ""
    found = []
    for reference in dict.fromkeys(row.reference for row in table.rows):
        rows = [row for row in table.rows if row.reference == reference and row.differences]
        cells = [
            [row.name, *chain(*(numbers.difference_cells(row.differences[m]) for m in metrics))]
            for row in rows
        ]
        name = f"{title}: paired difference to {reference}{scale}"
        found.append(TextTable(name, header, cells, sum(row.baseline for row in rows)))
    return found


def _further(table: ResultTable, title: str) -> list[TextTable]:
    """Return the further metrics by what they show; none that was not computed."""
    found = []
    for what, names in _FURTHER.items():
        columns = [name for name in names if any(name in row.further_metrics for row in table.rows)]
        rows = [row for row in table.rows if any(name in row.further_metrics for name in columns)]
        if columns:
            shown = (
                what.replace("molecules", "samples") if table.scoring is CLASSIFICATION else what
            )
            header = ["method", *(DISPLAY[name].title for name in columns)]
            cells = [[row.name, *(_cell(row, name) for name in columns)] for row in rows]
            baselines = sum(row.baseline for row in rows)
            found.append(TextTable(f"{title}: {shown}", header, cells, baselines))
    return found


def _cell(row: MethodRow, name: str) -> str:
    """Show a metric, marked where its difference to the reference's is significant."""
    summary = row.further_metrics.get(name)
    if summary is None:
        return numbers.NONE
    shown = numbers.mean_and_sd(summary)
    if len(summary.values) < len(row.seeds):
        shown += f" ({plural(len(summary.values), 'seed')})"
    difference, direction = row.further_differences.get(name), DISPLAY[name].higher_is_better
    if direction is None or difference is None or not numbers.significant(difference):
        return shown
    return f"{shown} {'▲' if (difference.mean > 0) == direction else '▼'}"


def as_markdown(outcome: Outcome, tables: Sequence[ResultTable], command: str) -> str:
    """Return the tables as a page of Markdown."""
    experiment = outcome.experiment
    lines = [f"# {markdown(experiment.title or experiment.name)}", "", f"Made by {code(command)}."]
    for text in text_tables(experiment, tables):
        lines += ["", f"## {markdown(text.title)}", "", *markdown_table(text.header, text.cells)]
    for note in notes(experiment, tables[0].scoring, outcome.tables):
        lines += ["", markdown(note)]
    return "\n".join(lines) + "\n"


def as_latex(experiment: Experiment, tables: Sequence[ResultTable]) -> str:
    """Return one table a condition, for booktabs, with captions that explain all marks."""
    found = [_as_latex(experiment, table, number) for number, table in enumerate(tables, start=1)]
    return "\n".join(["% \\usepackage{booktabs}", *found])


def _as_latex(experiment: Experiment, table: ResultTable, number: int) -> str:
    scoring = table.scoring
    marks = {metric: table.best_and_tied(metric) for metric in scoring.metrics}
    titles = ["method", *scoring.metrics.values(), f"Δ {scoring.title}", "p"]
    lines = {False: list[list[str]](), True: list[list[str]]()}
    for row in table.rows:
        cells = [latex(row.name)]
        for metric, (best, tied) in marks.items():
            mark = "textbf" if row.name == best else "underline" if row.name in tied else ""
            text = latex(numbers.mean_and_sd(table.score(row, metric)))
            cells.append(f"\\{mark}{{{text}}}" if mark else text)
        difference = table.difference(row)
        cells += (
            ["", ""]
            if difference is None
            else [
                f"${numbers.number(difference.mean, sign=True)}$",
                f"${p}$" if (p := numbers.p_value(difference.p_holm)) else "",
            ]
        )
        lines[row.baseline].append(cells)
    head, methods, baselines = (
        [" & ".join(cells) + r" \\" for cells in part]
        for part in ([[*map(latex, titles)]], lines[False], lines[True])
    )
    label = re.sub(r"[^a-z0-9]+", "-", f"{experiment.name}-{table.name}".lower()).strip("-")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            f"\\caption{{{latex(_caption(experiment, table))}}}",
            f"\\label{{tab:{label}-{number}}}",
            f"\\begin{{tabular}}{{l{'r' * (len(titles) - 1)}}}",
            r"\toprule",
            *head,
            r"\midrule",
            *methods,
            *([r"\midrule", *baselines] if methods and baselines else baselines),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _caption(experiment: Experiment, table: ResultTable) -> str:
    """Say what a table shows, and what its marks mean."""
    scoring, trial = table.scoring, numbers.trial(experiment.samples)
    scale = " in standard deviations of the target" if scoring.scale == "standardized" else ""
    several = len(table.seeds) > 1
    spread = "mean and standard deviation over" if several else "of"
    found = [
        f"{table.name}: errors of the {table.compared} set{scale}, {spread} "
        f"{plural(len(table.seeds), 'seed')}{trial and f' ({trial})'}.",
        "Bold: the lowest mean of all rows.",
    ]
    if several:
        found.append(
            "Underlined: not significantly higher than it (paired t test over seeds, p at least "
            "0.05 after Holm's correction over the rows)."
        )
    if any(table.difference(row) for row in table.rows):
        references = dict.fromkeys(row.reference for row in table.rows if row.differences)
        below = "; below the line, baselines" if any(row.baseline for row in table.rows) else ""
        found.append(
            f"Δ: paired difference in {scoring.title} to {', '.join(references)}, with p after "
            f"Holm's correction{below}."
        )
    return " ".join(found)
