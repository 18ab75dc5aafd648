"""The finished runs of an experiment, gathered row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from scipy.stats import rankdata
from torch import Tensor

from rnc_graph.data.samples import SampleTable
from rnc_graph.experiments.plan import PlannedRun
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sources import division_of, source_name
from rnc_graph.experiments.store import Store
from rnc_graph.metrics import (
    CLASSES,
    MEASURED,
    MEASURES,
    PairedDifference,
    Scoring,
    Summary,
    compare,
    summarize_all,
)


@dataclass(frozen=True)
class FinishedRun:
    """One cell of the grid with what the store holds of it."""

    planned: PlannedRun
    record: dict[str, Any]
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        name: the method or baseline.
        baseline: whether it is one.
        reference: the method it is compared with; itself for a reference.
        seeds: in order.
        rank: mean over the seeds of its place, from 1, by the error that rows are ranked by.
        summaries: by (part, scale, metric).
        differences: to the reference, by metric, on the evaluated part, standardized; empty for a
            reference.
        measures: summaries of further measures, by name, on the evaluated part; of fewer seeds
            where a region of the label had no molecule in some.
        measure_differences: to the reference, by measure.
    """

    name: str
    baseline: bool
    reference: str
    seeds: tuple[int, ...]
    rank: float
    summaries: dict[tuple[str, str, str], Summary]
    differences: dict[str, PairedDifference]
    measures: dict[str, Summary]
    measure_differences: dict[str, PairedDifference]


@dataclass(frozen=True)
class Table:
    """All rows of one condition, with the baselines on the same seeds.

    Attributes:
        data: name of the data set.
        split: name of the split, "" for an experiment's only one.
        encoder: its name, "" where all encoders share the table.
        unit: of the targets.
        scoring: what the predictions are scored by.
        rows: methods, then baselines.
    """

    data: str
    split: str
    encoder: str
    unit: str
    scoring: Scoring
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """The condition in a few words."""
        return ", ".join(filter(None, (self.data, self.split, self.encoder)))

    def error(self, row: Row, part: str) -> Summary:
        """Return the score that a row is ranked by, in the scale that rows are compared in."""
        return row.summaries[part, self.scoring.scale, self.scoring.ranked_by]

    def difference(self, row: Row) -> PairedDifference | None:
        """Return a row's difference in it to its reference, if it has one."""
        return row.differences.get(self.scoring.ranked_by)

    def holds(self, run: PlannedRun) -> bool:
        """Say whether a run is behind one of the rows."""
        of_encoder = not self.encoder or run.encoder in (self.encoder, "")
        return (run.data, run.split) == (self.data, self.split) and of_encoder


def title_of(table: Table) -> str:
    """Return the score that rows are ranked by in words, with its scale."""
    scale = ", standardized" if table.scoring.scale == "standardized" else ""
    return f"{table.scoring.title}{scale}"


def scoring_of(samples: SampleTable) -> Scoring:
    """Return what predictions for a data set are scored by."""
    return CLASSES if samples.classes else MEASURED


def finished_runs(planned: Sequence[PlannedRun], store: Store) -> list[FinishedRun]:
    """Read the planned runs from the store, which must hold them all; rows may share one."""
    read: dict[str, tuple[dict[str, Any], dict[str, Tensor]]] = {}
    for run in planned:
        key = run.task.key
        if key not in read:
            read[key] = store.record(key), store.tensors(key)
    return [FinishedRun(run, *read[run.task.key]) for run in planned]


def parts(experiment: Experiment) -> tuple[str, ...]:
    """Return the parts that were evaluated, the one to compare by first."""
    return ("validation",) if experiment.evaluate == "validation" else ("test", "validation")


def tabulate(
    experiment: Experiment, runs: Sequence[FinishedRun], samples: Mapping[str, SampleTable]
) -> list[Table]:
    """Return one table a condition.

    Holm's correction is over the methods compared with one reference, and over the baselines, each
    as a family of its own: whether an objective helps is one question, how far a neural network is
    from a simple model another.

    Args:
        experiment: the grid.
        runs: all of them.
        samples: the data sets, by name.
    """
    methods: dict[tuple[str, str, str], list[FinishedRun]] = {}
    baselines: dict[tuple[str, str], list[FinishedRun]] = {}
    for run in runs:
        at = run.planned
        if at.encoder:
            encoder = "" if experiment.one_table else at.encoder
            methods.setdefault((at.data, at.split, encoder), []).append(run)
        else:
            baselines.setdefault((at.data, at.split), []).append(run)
    return [
        _table(
            experiment,
            *condition,
            samples[condition[0]],
            found + baselines.get(condition[:2], []),
        )
        for condition, found in methods.items()
    ]


def _table(
    experiment: Experiment,
    data: str,
    split: str,
    encoder: str,
    samples: SampleTable,
    runs: Sequence[FinishedRun],
) -> Table:
    scoring = scoring_of(samples)
    records = {(run.planned.row, run.planned.seed): run.record for run in runs}
    # Encoders that share a table have the same seeds.
    seeds = experiment.seeds[encoder or next(iter(experiment.seeds))]
    names = list(dict.fromkeys(run.planned.row for run in runs))
    compared = parts(experiment)[0]
    # Seeds that share a split do not overlap in more than they show. Of others it is the share of
    # the undiminished split: training sets that are cut overlap less, not more.
    source = next(source for source in experiment.data if source_name(source) == data)
    parts_of = experiment.splits[split]
    shared = division_of(source) or not parts_of.by_seed
    share = 0.0 if shared else parts_of.test / parts_of.train

    def metric(part: str, scale: str, name: str) -> dict[str, list[float]]:
        return {
            row: [records[row, seed]["metrics"][part][scale][name] for seed in seeds]
            for row in names
        }

    def measure(name: str) -> dict[str, list[float]]:
        """Leave out a row without an embedding, and for all rows a seed whose region is empty."""
        found = {row: [records[row, seed]["measures"].get(name) for seed in seeds] for row in names}
        found = {row: values for row, values in found.items() if any(v is not None for v in values)}
        whole = [None not in values for values in zip(*found.values(), strict=True)]
        return {row: list(compress(values, whole)) for row, values in found.items() if any(whole)}

    metrics = {
        (part, scale, name): metric(part, scale, name)
        for part in parts(experiment)
        for scale in scoring.scales
        for name in scoring.metrics
    }
    measures = {name: values for name in MEASURES if (values := measure(name))}
    differences = {
        name: _differences(experiment, metrics[compared, scoring.scale, name], share)
        for name in scoring.metrics
    }
    measure_differences = {
        name: _differences(experiment, values, share) for name, values in measures.items()
    }
    summaries = {key: _summaries(values) for key, values in metrics.items()}
    measure_summaries = {key: _summaries(values) for key, values in measures.items()}
    errors = metrics[compared, scoring.scale, scoring.ranked_by]
    ranks = dict(zip(names, rankdata([errors[row] for row in names], axis=0), strict=True))
    rows = [
        Row(
            name=name,
            baseline=name in experiment.baselines,
            reference=experiment.reference_of(name),
            seeds=tuple(seeds),
            rank=float(ranks[name].mean()),
            summaries={key: summaries[key][name] for key in metrics},
            differences={k: d[name] for k, d in differences.items() if name in d},
            measures={k: s[name] for k, s in measure_summaries.items() if name in s},
            measure_differences={k: d[name] for k, d in measure_differences.items() if name in d},
        )
        for name in names
    ]
    if experiment.ranked:
        key = (compared, scoring.scale, scoring.ranked_by)
        rows.sort(key=lambda row: (row.baseline, row.summaries[key].mean))
    return Table(data, split, encoder, samples.unit, scoring, tuple(rows))


def _summaries(values: Mapping[str, Sequence[float]]) -> dict[str, Summary]:
    """Return one summary a row."""
    return dict(zip(values, summarize_all(list(values.values())), strict=True))


def _differences(
    experiment: Experiment, values: Mapping[str, Sequence[float]], test_share: float
) -> dict[str, PairedDifference]:
    """Compare each row with its reference, family by family."""
    families: dict[tuple[str, bool], dict[str, Sequence[float]]] = {}
    for row, found in values.items():
        reference = experiment.reference_of(row)
        if row != reference and reference in values:
            families.setdefault((reference, row in experiment.baselines), {})[row] = found
    return {
        row: difference
        for (reference, _), family in families.items()
        for row, difference in compare(family, values[reference], test_share).items()
    }
