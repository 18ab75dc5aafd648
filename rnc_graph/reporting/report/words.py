"""What the numbers say, in plain words."""

from __future__ import annotations

from rnc_graph.experiments.results import Table, parts
from rnc_graph.experiments.spec import Experiment
from rnc_graph.metrics.statistics import SIGNIFICANT


def summary(experiment: Experiment, tables: list[Table]) -> list[str]:
    """Return a sentence or two for each method: where it is better, worse, or not told apart."""
    part = parts(experiment)[0]
    sentences = [
        f"{len(tables)} condition{'s' * (len(tables) > 1)}, {tables[0].scoring.title} of the "
        f"{part} part; a difference counts when the paired t test over seeds leaves p < 0.05 after "
        "Holm's correction within its table."
    ]
    for method in experiment.methods:
        better, worse, unclear = 0, 0, 0
        for table in tables:
            found = {row.name: row for row in table.rows}.get(method.name)
            difference = table.difference(found) if found else None
            if difference is None:
                continue
            told = difference.p_holm is not None and difference.p_holm < SIGNIFICANT
            better += told and difference.mean < 0
            worse += told and difference.mean > 0
            unclear += not told
        total = better + worse + unclear
        if total:
            sentences.append(
                f"{method.name} against {experiment.reference_of(method.name)}: better in "
                f"{better}, worse in {worse}, not told apart in {unclear} of {total}."
            )
    detectable = [
        difference.detectable
        for table in tables
        for row in table.rows
        if not row.baseline
        and (difference := table.difference(row)) is not None
        and difference.detectable is not None
    ]
    if detectable:
        standardized = tables[0].scoring.scale == "standardized"
        scale = " standard deviations of the target" if standardized else ""
        seeds = sorted({len(table.rows[0].seeds) for table in tables})
        sentences.append(
            f"With {' or '.join(map(str, seeds))} seeds, differences in {tables[0].scoring.title} "
            f"below {min(detectable):.3f} to {max(detectable):.3f}{scale} would mostly have gone "
            "unseen (80% power)."
        )
    return sentences
