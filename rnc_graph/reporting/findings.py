"""What an experiment shows, in sentences: the best rows of all, and what is significant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rnc_graph.errors import plural
from rnc_graph.experiments.spec import Experiment
from rnc_graph.reporting import numbers
from rnc_graph.reporting.over_datasets import over_datasets
from rnc_graph.reporting.tables import ResultTable


def findings(experiment: Experiment, tables: Sequence[ResultTable]) -> list[str]:
    """Return the findings over all tables, of which there is at least one."""
    score = f"{tables[0].compared} {tables[0].scoring.title}"
    return [
        f"{plural(len(tables), 'condition')}, compared by {score}; a difference is significant if "
        "the paired t test over seeds has p < 0.05 after Holm's correction within its table.",
        *([best_of(tables[0])] if len(tables) == 1 else _best_of_several(tables, score)),
        *_over_datasets(experiment, tables),
        *_against_references(experiment, tables),
        *_undetected(tables),
    ]


def best_of(table: ResultTable) -> str:
    """Name the row of a table with the lowest mean score, and those not significantly higher."""
    best, tied = table.best_and_tied()
    row = next(row for row in table.rows if row.name == best)
    kind = " (a baseline)" if row.baseline else ""
    mean = numbers.mean_and_sd(table.score(row))
    found = f"Lowest {table.compared} {table.scoring.title} of all rows: {best}{kind}, {mean}."
    others = [row.name for row in table.rows if row.name in tied]
    higher = len(table.rows) - len(others) - 1
    if len(table.seeds) < 2:
        return f"{found} With one seed no difference can be tested."
    if others:
        found += f" Not significantly higher: {', '.join(others)}."
    return f"{found} Significantly higher: {plural(higher, 'row')}." if higher else found


def _best_of_several(tables: Sequence[ResultTable], score: str) -> list[str]:
    found = [table.best_and_tied() for table in tables]
    counts = Counter(best for best, _ in found).most_common()
    lowest = ", ".join(f"{name} in {count}" for name, count in counts)
    methods = [{row.name for row in table.rows if not row.baseline} for table in tables]
    close = sum(
        best in own or bool(tied & own) for (best, tied), own in zip(found, methods, strict=True)
    )
    sentence = f"Lowest {score} of all rows, baselines included: {lowest} of {len(tables)}."
    if not any(row.baseline for table in tables for row in table.rows):
        return [sentence]
    return [
        sentence,
        f"A method that is no baseline has the lowest {score}, or is not significantly higher, in "
        f"{close} of {len(tables)}.",
    ]


def _over_datasets(experiment: Experiment, tables: Sequence[ResultTable]) -> list[str]:
    scoring = tables[0].scoring
    sentences = []
    for metric in (scoring.ranked_by, scoring.secondary):
        over = over_datasets(experiment, tables, metric)
        sentences += over.sentences(scoring.metrics[metric]) if over else []
    return sentences


def _against_references(experiment: Experiment, tables: Sequence[ResultTable]) -> list[str]:
    """Say of each method where it is better than its reference, worse, or neither."""
    sentences = []
    for method in experiment.methods:
        rows = [(table, row) for table in tables for row in table.rows if row.name == method.name]
        found = [d for table, row in rows if (d := table.difference(row)) is not None]
        verdicts = list(map(numbers.verdict, found))
        if verdicts:
            better, worse = verdicts.count("better"), verdicts.count("worse")
            sentences.append(
                f"{method.name} against {experiment.reference_of(method.name)}: better in "
                f"{better}, worse in {worse}, not significantly different in "
                f"{len(verdicts) - better - worse} of {len(verdicts)}."
            )
    return sentences


def _undetected(tables: Sequence[ResultTable]) -> list[str]:
    """Say which differences the seeds are too few for."""
    rows = [(table, row) for table in tables for row in table.rows if not row.baseline]
    differences = [table.difference(row) for table, row in rows]
    detectable = [d.detectable for d in differences if d and d.detectable is not None]
    if not detectable:
        return []
    scoring = tables[0].scoring
    scale = " standard deviations of the target" if scoring.scale == "standardized" else ""
    seeds = sorted({len(table.seeds) for table in tables})
    low, high = numbers.number(min(detectable)), numbers.number(max(detectable))
    return [
        f"With {' or '.join(map(str, seeds))} seeds, differences in {scoring.title} smaller than "
        f"{low} to {high}{scale} would mostly go undetected (80% power, before Holm's correction)."
    ]
