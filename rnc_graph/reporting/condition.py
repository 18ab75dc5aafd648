"""One condition of an experiment: its table, with its runs and data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from rnc_graph.data.table import Table, exact_targets
from rnc_graph.errors import plural
from rnc_graph.experiments.results import FinishedRun, Outcome
from rnc_graph.experiments.spec import Experiment
from rnc_graph.reporting import numbers
from rnc_graph.reporting.style import short
from rnc_graph.reporting.tables import MethodRow, ResultTable


@dataclass(frozen=True)
class Condition:
    """What figures and pages show of a table, sample by sample: its data set and its runs."""

    experiment: Experiment
    dataset: Table
    table: ResultTable
    runs: Sequence[FinishedRun]

    @property
    def title(self) -> str:
        """What a figure shows, for above it."""
        name = self.experiment.name
        shown = self.table.name if name == self.table.data else f"{name}, {self.table.name}"
        trial = numbers.trial(self.experiment.samples)
        return "\n".join(filter(None, (short(shown), trial)))

    @property
    def seeds(self) -> str:
        """How many seeds the table has, in words."""
        return plural(len(self.table.seeds), "seed")

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes; empty for continuous targets."""
        return self.dataset.classes

    @property
    def methods(self) -> list[MethodRow]:
        """The rows that have an embedding."""
        return [row for row in self.table.rows if not row.baseline]

    @property
    def data(self) -> str:
        """The data set, and the target where it has several."""
        return ", ".join(filter(None, (self.table.data, self.table.target)))

    @property
    def column(self) -> int:
        """The column of the table's target."""
        return self.dataset.target_names.index(self.table.target) if self.table.target else 0

    @property
    def target_name(self) -> str:
        """The table's target."""
        return self.dataset.target_names[self.column]

    @cached_property
    def y_true(self) -> NDArray[np.float64]:
        """(N,) the values of the table's target, NaN where missing."""
        return exact_targets(self.dataset)[:, self.column]

    def target(self, prefix: str) -> str:
        """Return the words for a target's axis."""
        return numbers.with_unit(f"{prefix} {self.target_name}", self.dataset.unit)

    def runs_of(self, row: MethodRow) -> list[FinishedRun]:
        """Return a row's runs, in the order of its seeds."""
        own = {run.seed: run for run in self.runs if run.method == row.name}
        return [own[seed] for seed in row.seeds]

    def evaluated(self, run: FinishedRun) -> NDArray[np.int64]:
        """Return the samples (M,) that a run predicts and that have the target."""
        return self._with_target(run, f"{self.table.compared}_rows")

    def predictions(self, run: FinishedRun) -> NDArray[Any]:
        """Return the predictions (M,) of the target for these samples."""
        return self._with_target(run, f"{self.table.compared}_predictions")[:, self.column]

    def embedding(self, run: FinishedRun) -> NDArray[Any]:
        """Return the embedding (M, d) of these samples."""
        return self._with_target(run, "embedding")

    def _with_target(self, run: FinishedRun, name: str) -> NDArray[Any]:
        rows = run.tensors[f"{self.table.compared}_rows"].numpy()
        found: NDArray[Any] = run.tensors[name].numpy()[~np.isnan(self.y_true[rows])]
        return found

    def all_predictions(
        self, runs: Sequence[FinishedRun]
    ) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Return y_true and y_pred (M,) of several runs."""
        indices = np.concatenate([*map(self.evaluated, runs)])
        return self.y_true[indices], np.concatenate([*map(self.predictions, runs)])

    def confusion(
        self, runs: Sequence[FinishedRun], normalize: Literal["true"] | None = None
    ) -> NDArray[Any]:
        """Return how often runs take each class (line) for each (column); shares if normalized."""
        classes = [values.astype(np.int64) for values in self.all_predictions(runs)]
        counts: NDArray[Any] = confusion_matrix(
            *classes, labels=range(len(self.classes)), normalize=normalize
        )
        return counts


def condition_of(outcome: Outcome, table: ResultTable) -> Condition:
    """Return a table with its runs and data."""
    runs = [run for run in outcome.runs if table.holds(run)]
    return Condition(outcome.experiment, outcome.tables[table.data], table, runs)
