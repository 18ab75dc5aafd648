"""The tables of an experiment as LaTeX, for booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from rnc_graph.reporting import numbers
from rnc_graph.reporting.markup import latex
from rnc_graph.reporting.tables import ResultTable


def as_latex(tables: Sequence[ResultTable]) -> str:
    """Return one table a condition: the best bold, those not significantly worse underlined."""
    return "\n".join(map(_table, tables))


def _table(table: ResultTable) -> str:
    scoring = table.scoring
    marks = {metric: table.best_and_tied(metric) for metric in scoring.metrics}
    titles = [*scoring.metrics.values(), f"Δ {scoring.title}"]
    lines = []
    for row in table.rows:
        cells = [latex(row.name)]
        for metric, (best, tied) in marks.items():
            text = latex(numbers.mean_and_sd(table.score(row, metric)))
            if row.name == best:
                text = f"\\textbf{{{text}}}"
            elif row.name in tied:
                text = f"\\underline{{{text}}}"
            cells.append(text)
        difference = table.difference(row)
        shown = numbers.number(difference.mean, sign=True) if difference else ""
        cells.append(shown and f"${shown}$")
        lines.append(" & ".join(cells) + r" \\")
    scale = " in standard deviations of the target" if scoring.scale == "standardized" else ""
    caption = (
        f"{table.name}: errors of the {table.compared} set{scale}, mean and standard deviation "
        f"over {numbers.plural(len(table.seeds), 'seed')}."
    )
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            f"\\caption{{{latex(caption)}}}",
            f"\\begin{{tabular}}{{l{'r' * len(titles)}}}",
            r"\toprule",
            " & ".join(["method", *map(latex, titles)]) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
