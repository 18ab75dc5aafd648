"""The finished runs of an experiment, read from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rnc_graph.data.samples import SampleTable
from rnc_graph.experiments.datasets import Datasets
from rnc_graph.experiments.plan import PlannedRun
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import RegressTask
from rnc_graph.metrics import CLASSIFICATION, REGRESSION, Scoring


@dataclass(frozen=True)
class FinishedRun:
    """A planned run with its entry in the store."""

    planned: PlannedRun
    record: dict[str, Any]
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class Outcome:
    """A finished experiment: all that tables, figures and reports are made of.

    Attributes:
        experiment: the grid.
        datasets: its data.
        runs: all of its runs.
        store: where they are kept.
    """

    experiment: Experiment
    datasets: Datasets
    runs: Sequence[FinishedRun]
    store: Store

    @property
    def samples(self) -> Mapping[str, SampleTable]:
        """The data sets' tables, by name."""
        return self.datasets.tables

    def pretraining_history(self, run: FinishedRun) -> list[dict[str, float]]:
        """Return the values of stage 1 by epoch; empty without a stage 1 or without its record."""
        task = run.planned.task
        if not isinstance(task, RegressTask) or task.pretrained is None:
            return []
        key = task.pretrained.key
        return list(self.store.record(key)["history"]) if self.store.has(key) else []


def scoring_of(samples: SampleTable) -> Scoring:
    """Return what predictions for a data set are scored by."""
    return CLASSIFICATION if samples.classes else REGRESSION


def evaluated_sets(experiment: Experiment) -> tuple[str, ...]:
    """Return the sets that were evaluated, the one that methods are compared on first."""
    return ("validation",) if experiment.evaluate == "validation" else ("test", "validation")


def finished_runs(planned: Sequence[PlannedRun], store: Store) -> list[FinishedRun]:
    """Read the planned runs from the store, which holds all of them; some may share an entry."""
    read: dict[str, tuple[dict[str, Any], dict[str, Tensor]]] = {}
    for run in planned:
        key = run.task.key
        if key not in read:
            read[key] = store.record(key), store.tensors(key)
    return [FinishedRun(run, *read[run.task.key]) for run in planned]
