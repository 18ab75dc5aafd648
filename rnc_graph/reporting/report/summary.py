"""What the numbers say, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rnc_graph.experiments.spec import Experiment
from rnc_graph.reporting import numbers
from rnc_graph.reporting.tables import ResultTable


def summary(experiment: Experiment, tables: Sequence[ResultTable]) -> list[str]:
    """Return a sentence for each method: where it is better, worse, or not significantly so."""
    score = f"{tables[0].compared} {tables[0].scoring.title}"
    sentences = [
        f"{numbers.plural(len(tables), 'condition')}, compared by {score}; a difference is "
        "significant if the paired t test over seeds has p < 0.05 after Holm's correction within "
        "its table."
    ]
    compared = [
        (row.name, difference)
        for table in tables
        for row in table.rows
        if not row.baseline and (difference := table.difference(row)) is not None
    ]
    for method in experiment.methods:
        own = [difference for name, difference in compared if name == method.name]
        if own:
            verdicts = [numbers.verdict(d) if numbers.significant(d) else "neither" for d in own]
            sentences.append(
                f"{method.name} against {experiment.reference_of(method.name)}: better in "
                f"{verdicts.count('better')}, worse in {verdicts.count('worse')}, not "
                f"significantly different in {verdicts.count('neither')} of {len(own)}."
            )
    detectable = [d.detectable for _, d in compared if d.detectable is not None]
    if detectable:
        standardized = tables[0].scoring.scale == "standardized"
        scale = " standard deviations of the target" if standardized else ""
        seeds = sorted({len(table.seeds) for table in tables})
        low, high = numbers.number(min(detectable)), numbers.number(max(detectable))
        sentences.append(
            f"With {' or '.join(map(str, seeds))} seeds, differences in {tables[0].scoring.title} "
            f"smaller than {low} to {high}{scale} would mostly go undetected (80% power)."
        )
    return sentences
