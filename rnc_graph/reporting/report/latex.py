"""The tables as LaTeX, for booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from rnc_graph.experiments.results import Table, parts
from rnc_graph.experiments.spec import Experiment
from rnc_graph.reporting.report.payload import best_and_tied

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def escaped(text: str) -> str:
    r"""Return text that LaTeX prints as it is.

    >>> escaped("50%_a")
    '50\\%\\_a'
    """
    return "".join(_SPECIAL.get(character, character) for character in text)


def as_latex(experiment: Experiment, tables: Sequence[Table]) -> str:
    """Return one table a condition: the best bold, what cannot be told from it underlined."""
    return "\n".join(_table(experiment, table) for table in tables)


def _table(experiment: Experiment, table: Table) -> str:
    part = parts(experiment)[0]
    scoring = table.scoring
    marks = {metric: best_and_tied(table, part, metric) for metric in scoring.metrics}
    titles = map(escaped, scoring.metrics.values())
    heads = " & ".join(["method", *titles, f"$\\Delta$ {escaped(scoring.title)}"])
    lines = []
    for row in table.rows:
        cells = [escaped(row.name)]
        for metric, (best, tied) in marks.items():
            found = row.summaries[part, scoring.scale, metric]
            text = f"{found.mean:.3f}" + ("" if found.sd is None else f" $\\pm$ {found.sd:.3f}")
            if row.name == best:
                text = f"\\textbf{{{text}}}"
            elif row.name in tied:
                text = f"\\underline{{{text}}}"
            cells.append(text)
        difference = table.difference(row)
        cells.append("" if difference is None else f"${difference.mean:+.3f}$")
        lines.append(" & ".join(cells) + r" \\")
    seeds = len(table.rows[0].seeds)
    standardized = scoring.scale == "standardized"
    scale = " in standard deviations of the target" if standardized else ""
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            f"\\caption{{{escaped(table.name)}: errors of the {part} part{scale}, mean and "
            f"standard deviation over {seeds} seeds.}}",
            f"\\begin{{tabular}}{{l{'r' * (len(scoring.metrics) + 1)}}}",
            r"\toprule",
            heads + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
