"""Methods over many data sets: average ranks, and one difference to the reference a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from rnc_graph.errors import plural
from rnc_graph.experiments.spec import Experiment
from rnc_graph.metrics import PairedDifference, Ranking, rank_methods
from rnc_graph.metrics.arrays import FloatArray
from rnc_graph.metrics.statistics import SIGNIFICANT
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.tables import MEAN_OF_TARGETS, ResultTable, differences_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST = 6
"""Data sets; with fewer, Wilcoxon's test has no p value below 0.05."""

COLUMNS = ("method", "lower in", "higher in", "mean Δ [95%]", "Wilcoxon p (Holm)", "verdict")


@dataclass(frozen=True)
class OverDatasets:
    """Scores of each row on N data sets, and their differences to those of its reference.

    Attributes:
        experiment: the grid.
        datasets: their N names.
        scores: by row, one a data set: the mean over its seeds and conditions.
        differences: by row, methods first; "seeds" of a difference are data sets here.
    """

    experiment: Experiment
    datasets: tuple[str, ...]
    scores: dict[str, list[float]]
    differences: dict[str, PairedDifference]

    @property
    def methods(self) -> dict[str, PairedDifference]:
        """The differences of methods that are no baselines."""
        baselines = self.experiment.baselines
        return {name: d for name, d in self.differences.items() if name not in baselines}

    def cells(self) -> list[list[str]]:
        """Return the lines of a table with the columns :data:`COLUMNS`."""
        return [
            [
                name,
                str(d.wins),
                str(d.losses),
                numbers.difference(d),
                numbers.p_value(d.wilcoxon_holm),
                self.verdict(name),
            ]
            for name, d in self.differences.items()
        ]

    def difference(self, name: str) -> FloatArray:
        """Return the differences (N,) of a row to its reference."""
        reference = self.scores[self.experiment.reference_of(name)]
        return np.subtract(self.scores[name], reference)

    def verdict(self, name: str) -> str:
        """Say in words what Wilcoxon's test says of a row's errors."""
        found = self.differences[name]
        if found.wilcoxon_holm is None:
            return numbers.NONE
        if found.wilcoxon_holm >= SIGNIFICANT:
            return "not significant"
        # By the ranks that are tested: neither the mean nor the count has to have their sign.
        difference = self.difference(name)
        signed_ranks = np.sign(difference) * rankdata(np.abs(difference))
        return "better" if signed_ranks.sum() < 0 else "worse"

    def sentences(self, score: str) -> list[str]:
        """Say of each method on how many data sets its ``score`` is lower than its reference's."""
        reference_of = self.experiment.reference_of
        return [
            f"Over {len(self.datasets)} data sets, {name} against {reference_of(name)}: {score} "
            f"lower in {d.wins}, higher in {d.losses}, by {numbers.number(d.mean, sign=True)} on "
            f"average; {self.verdict(name)} by Wilcoxon's signed-rank test{_p(d.wilcoxon_holm)}."
            for name, d in self.methods.items()
        ]


def _p(p: float | None) -> str:
    return "" if p is None else f" ({numbers.p_in_words(p)} after Holm's correction)"


def ranking_of(tables: Sequence[ResultTable]) -> Ranking | None:
    """Return average ranks over data sets; None if they are fewer than six, or rows than three.

    Conditions of one data set have most of their samples in common: they are averaged.
    """
    _, scores = _scores(tables)
    if len(scores) < 3:
        return None
    return rank_methods(np.array([*scores.values()]).T, [*scores])


def _scores(
    tables: Sequence[ResultTable], metric: str = ""
) -> tuple[tuple[str, ...], dict[str, list[float]]]:
    """Return the data sets, and by row one score each: the mean over their conditions.

    Of the tables with the rows of the first, without those of single targets. By the score that
    rows are ranked by, or another metric, of the rows that have it in all tables. There are no
    scores of fewer than six data sets.
    """
    names = [row.name for row in tables[0].rows]
    by_data: dict[str, list[dict[str, float]]] = {}
    for table in tables:
        same = {row.name for row in table.rows} == set(names)
        if same and table.target in ("", MEAN_OF_TARGETS):
            own = {
                row.name: table.score(row, metric)
                if not metric or metric in table.scoring.metrics
                else row.further_metrics.get(metric)
                for row in table.rows
            }
            scores = {name: found.mean for name, found in own.items() if found is not None}
            by_data.setdefault(table.data, []).append(scores)
    if len(by_data) < FEWEST:
        return (), {}
    return tuple(by_data), {
        name: [float(np.mean([one[name] for one in own])) for own in by_data.values()]
        for name in names
        if all(name in one for own in by_data.values() for one in own)
    }


def over_datasets(
    experiment: Experiment, tables: Sequence[ResultTable], metric: str = ""
) -> OverDatasets | None:
    """Compare each row with its reference over data sets.

    None if they are fewer than six, or no row has another one as its reference.
    By the score that rows are ranked by, or another metric that the rows of all tables have.
    """
    datasets, scores = _scores(tables, metric)
    differences = differences_of(experiment, scores, test_share=0.0) if scores else {}
    if not differences:
        return None
    return OverDatasets(experiment, datasets, scores, differences)


@style.styled
def draw_by_size(found: OverDatasets | None, sizes: Mapping[str, int], score: str) -> Figure | None:
    """Draw each method's difference to its reference against the size of the data set.

    ``sizes`` are numbers of samples by data set. Without a method there is no figure.
    """
    if found is None or not found.methods:
        return None
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure, axes = style.panels(len(found.methods), columns=3, width=3.4, height=2.6)
    x = [sizes[name] for name in found.datasets]
    y = {name: found.difference(name) for name in found.methods}
    limits = style.limits_of(np.concatenate([*y.values()]))
    for axis, (name, d) in zip(axes, found.methods.items(), strict=True):
        axis.plot(x, y[name], "o", color=style.COLORS[0], markersize=4, alpha=0.7)
        axis.axhline(0, color=style.LINE, linewidth=0.8)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_ylim(limits)
        reference = style.short(found.experiment.reference_of(name))
        title = f"lower than {reference} in {d.wins} of {len(x)}"
        axis.set_title(f"{style.short(name)}\n{title}")
    figure.supxlabel("samples of the data set")
    figure.supylabel(f"Δ {score}")
    figure.suptitle(
        f"Difference to the reference on {plural(len(x), 'data set')}: below 0 is better"
    )
    return figure
