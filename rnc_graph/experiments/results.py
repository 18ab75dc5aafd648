"""The finished runs of an experiment, gathered row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rnc_graph.evaluation import PairedDifference, Summary, compare, summarise
from rnc_graph.evaluation.metrics import METRICS
from rnc_graph.experiments.plan import PlannedRun
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.store import Store

SCALES = ("standardised", "unit")


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
        seeds: in order.
        summaries: by (part, scale, metric).
        differences: to the reference method, by metric, on the evaluated part, standardised; empty
            for the reference itself.
    """

    name: str
    baseline: bool
    seeds: tuple[int, ...]
    summaries: dict[tuple[str, str, str], Summary]
    differences: dict[str, PairedDifference]


@dataclass(frozen=True)
class Table:
    """All rows of one encoder, with the baselines on the same seeds."""

    encoder: str
    rows: tuple[Row, ...]


def finished_runs(planned: Sequence[PlannedRun], store: Store) -> list[FinishedRun]:
    """Read the planned runs from the store, which must hold them all."""
    return [
        FinishedRun(run, store.record(run.task.key), store.tensors(run.task.key)) for run in planned
    ]


def parts(experiment: Experiment) -> tuple[str, ...]:
    """Return the parts that were evaluated, the one to compare by first."""
    return ("validation",) if experiment.evaluate == "validation" else ("test", "validation")


def tabulate(experiment: Experiment, runs: Sequence[FinishedRun]) -> list[Table]:
    """Return one table an encoder.

    Holm's correction is over the methods compared with the reference, and over the baselines, each
    as a family of its own: whether an objective helps is one question, how far a neural network is
    from a simple model another.
    """
    records = {(r.planned.encoder, r.planned.row, r.planned.seed): r.record for r in runs}

    def values(encoder: str, row: str, part: str, scale: str, metric: str) -> list[float]:
        where = "" if row in experiment.baselines else encoder
        seeds = experiment.seeds[encoder]
        return [records[where, row, seed]["metrics"][part][scale][metric] for seed in seeds]

    tables = []
    for encoder in experiment.encoders:
        compared = parts(experiment)[0]
        families = (
            [method.name for method in experiment.methods if method.name != experiment.reference],
            experiment.baselines,
        )
        differences: dict[str, dict[str, PairedDifference]] = {}
        for metric in METRICS:
            reference = values(encoder, experiment.reference, compared, "standardised", metric)
            for family in families:
                rows = {
                    name: values(encoder, name, compared, "standardised", metric) for name in family
                }
                for name, difference in compare(rows, reference).items():
                    differences.setdefault(name, {})[metric] = difference
        names = [method.name for method in experiment.methods] + experiment.baselines
        tables.append(
            Table(
                encoder,
                tuple(
                    Row(
                        name=name,
                        baseline=name in experiment.baselines,
                        seeds=tuple(experiment.seeds[encoder]),
                        summaries={
                            (part, scale, metric): summarise(
                                values(encoder, name, part, scale, metric)
                            )
                            for part in parts(experiment)
                            for scale in SCALES
                            for metric in METRICS
                        },
                        differences=differences.get(name, {}),
                    )
                    for name in names
                ),
            )
        )
    return tables
