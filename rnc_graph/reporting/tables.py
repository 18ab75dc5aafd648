"""The finished runs of an experiment, summarized: one table a condition, one row a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from scipy.stats import rankdata

from rnc_graph.data.table import Table
from rnc_graph.experiments.results import FinishedRun, Outcome, evaluated_sets, scoring_of
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sources import division_of, source_name
from rnc_graph.metrics import (
    DISPLAY,
    PairedDifference,
    Scoring,
    Summary,
    compare,
    summarize_all,
    tied_with_best,
)
from rnc_graph.reporting import numbers

MEAN_OF_TARGETS = "mean of the targets"
"""The target of a table whose scores are means over several targets."""


@dataclass(frozen=True)
class MethodRow:
    """One row of a table.

    Attributes:
        name: the method or baseline.
        baseline: whether it is one.
        reference: the method it is compared with; itself for a reference.
        seeds: in order.
        rank: its rank among the rows by the ranking score, from 1, averaged over the seeds.
        summaries: by (set, scale, metric).
        differences: to the reference, by metric, on the compared set, standardized; empty for a
            reference.
        further_metrics: their summaries, by name, on the compared set; of fewer seeds where a
            region of the label had no sample in some.
        further_differences: to the reference, by metric.
    """

    name: str
    baseline: bool
    reference: str
    seeds: tuple[int, ...]
    rank: float
    summaries: dict[tuple[str, str, str], Summary]
    differences: dict[str, PairedDifference]
    further_metrics: dict[str, Summary]
    further_differences: dict[str, PairedDifference]


@dataclass(frozen=True)
class ResultTable:
    """All methods under one condition, with the baselines on the same seeds.

    Attributes:
        data: name of the data set.
        split: name of the split, "" for an experiment's only one.
        encoder: its name, "" where all encoders share the table.
        target: the target that the scores are of, ``MEAN_OF_TARGETS`` for their mean; "" for the
            only one.
        unit: of the targets.
        scoring: what the predictions are scored by.
        compared: the set that methods are compared on, "test" or "validation".
        rows: methods, then baselines.
        test_share: the size of the test set over that of the training set, by which tests are
            corrected for splits that overlap; 0 where seeds share a split.
    """

    data: str
    split: str
    encoder: str
    target: str
    unit: str
    scoring: Scoring
    compared: str
    rows: tuple[MethodRow, ...]
    test_share: float = 0.0

    @property
    def name(self) -> str:
        """The condition in a few words."""
        return ", ".join(filter(None, (self.data, self.split, self.encoder, self.target)))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those of every row."""
        return self.rows[0].seeds

    @property
    def score_title(self) -> str:
        """The score that rows are ranked by, with its set and scale."""
        return f"{self.compared} {numbers.score_title(self.scoring)}"

    def score(self, row: MethodRow, metric: str | None = None, scale: str | None = None) -> Summary:
        """Return a score on the compared set; by default the one that rows are ranked by."""
        key = (self.compared, scale or self.scoring.scale, metric or self.scoring.ranked_by)
        return row.summaries[key]

    def difference(self, row: MethodRow) -> PairedDifference | None:
        """Return a row's difference in the ranking score to its reference, if it has one."""
        return row.differences.get(self.scoring.ranked_by)

    def compared_rows(self) -> dict[str, list[MethodRow]]:
        """Return the methods that are compared with a reference, by its name."""
        groups: dict[str, list[MethodRow]] = {}
        for row in self.rows:
            if row.differences and not row.baseline:
                groups.setdefault(row.reference, []).append(row)
        return groups

    def best_and_tied(self, metric: str | None = None) -> tuple[str, set[str]]:
        """Return the row with the least mean, and those not significantly different from it."""
        values = {row.name: self.score(row, metric).values for row in self.rows}
        best = min(values, key=lambda name: float(np.mean(values[name])))
        return best, tied_with_best(values, self.test_share) - {best}

    def holds(self, run: FinishedRun) -> bool:
        """Say whether a run belongs to one of the rows."""
        of_encoder = not self.encoder or run.encoder in (self.encoder, "")
        return (run.data, run.split) == (self.data, self.split) and of_encoder


def tabulate(outcome: Outcome) -> list[ResultTable]:
    """Return one table a condition; of several targets one for their mean, then one for each.

    Holm's correction is over the methods compared with one reference, and over the baselines, each
    as a family of its own.
    """
    experiment = outcome.experiment
    methods: dict[tuple[str, str, str], list[FinishedRun]] = {}
    baselines: dict[tuple[str, str], list[FinishedRun]] = {}
    for run in outcome.runs:
        if run.encoder:
            encoder = "" if experiment.one_table else run.encoder
            methods.setdefault((run.data, run.split, encoder), []).append(run)
        else:
            baselines.setdefault((run.data, run.split), []).append(run)
    tables = []
    for condition, found in methods.items():
        dataset = outcome.tables[condition[0]]
        names = dataset.target_names
        for target in [MEAN_OF_TARGETS, *names] if len(names) > 1 else [""]:
            runs = found + baselines.get(condition[:2], [])
            table = _table(experiment, *condition, target, dataset, runs)
            tables += [table] if table else []
    return tables


def _table(
    experiment: Experiment,
    data: str,
    split: str,
    encoder: str,
    target: str,
    dataset: Table,
    runs: Sequence[FinishedRun],
) -> ResultTable | None:
    """Return the table of a target; None where no seed's sets all have it."""
    scoring, sets = scoring_of(dataset), evaluated_sets(experiment)
    of_one = target not in ("", MEAN_OF_TARGETS)
    records = {(run.method, run.seed): run.record for run in runs}
    names = list(dict.fromkeys(run.method for run in runs))
    # Encoders that share a table have the same seeds.
    seeds = experiment.seeds[encoder or next(iter(experiment.seeds))]
    scores = {
        point: record["targets"][target] if of_one else record["metrics"]
        for point, record in records.items()
    }
    if of_one:  # A set may have no sample with this target.
        first = {seed: scores[names[0], seed] for seed in seeds}
        seeds = [s for s in seeds if all(np.isfinite(first[s][n]["unit"]["mae"]) for n in sets)]
        if not seeds:
            return None
    compared, share = sets[0], _test_share(experiment, data, split)
    metrics = {
        (name, scale, metric): {
            row: [scores[row, seed][name][scale][metric] for seed in seeds] for row in names
        }
        for name in sets
        for scale in scoring.scales
        for metric in scoring.metrics
    }
    # Those of the embedding are of all targets together.
    further = (
        {} if of_one else _further_metrics({row: [records[row, s] for s in seeds] for row in names})
    )
    differences = {
        name: differences_of(experiment, metrics[compared, scoring.scale, name], share)
        for name in scoring.metrics
    }
    further_differences = {
        name: differences_of(experiment, values, share) for name, values in further.items()
    }
    summaries = {key: _summaries(values) for key, values in metrics.items()}
    further_summaries = {key: _summaries(values) for key, values in further.items()}
    errors = metrics[compared, scoring.scale, scoring.ranked_by]
    ranks = dict(zip(names, rankdata([errors[row] for row in names], axis=0), strict=True))
    rows = [
        MethodRow(
            name=name,
            baseline=name in experiment.baselines,
            reference=experiment.reference_of(name),
            seeds=tuple(seeds),
            rank=float(ranks[name].mean()),
            summaries={key: summaries[key][name] for key in metrics},
            differences={k: d[name] for k, d in differences.items() if name in d},
            further_metrics={k: s[name] for k, s in further_summaries.items() if name in s},
            further_differences={k: d[name] for k, d in further_differences.items() if name in d},
        )
        for name in names
    ]
    if experiment.ranked:
        key = (compared, scoring.scale, scoring.ranked_by)
        rows.sort(key=lambda row: (row.baseline, row.summaries[key].mean))
    of = (data, split, encoder, target)
    return ResultTable(*of, dataset.unit, scoring, compared, tuple(rows), share)


def _test_share(experiment: Experiment, data: str, split: str) -> float:
    """Return the size of the test set over that of the training set, which corrects for overlap.

    It is 0 for seeds that share a split. Sizes are those before samples are left out of the
    training set: a smaller part of it has no more in common with that of another split.
    """
    source = next(source for source in experiment.data if source_name(source) == data)
    of = experiment.splits[split]
    return 0.0 if division_of(source) or not of.by_seed else of.test / of.train


def _further_metrics(
    records: Mapping[str, Sequence[dict[str, Any]]],
) -> dict[str, dict[str, list[float]]]:
    """Return the further metrics by name and row, one value a seed.

    A row without an embedding has none, and no row that of a seed whose region is empty.
    """
    further = {}
    for name in DISPLAY:
        found = {row: [r["measures"].get(name) for r in own] for row, own in records.items()}
        found = {row: values for row, values in found.items() if any(v is not None for v in values)}
        whole = [None not in values for values in zip(*found.values(), strict=True)]
        if any(whole):
            further[name] = {row: list(compress(values, whole)) for row, values in found.items()}
    return further


def _summaries(values: Mapping[str, Sequence[float]]) -> dict[str, Summary]:
    """Return one summary a row."""
    return dict(zip(values, summarize_all(list(values.values())), strict=True))


def differences_of(
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
