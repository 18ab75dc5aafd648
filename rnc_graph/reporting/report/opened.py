"""An experiment's folder, opened for reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnc_graph.data.samples import SampleTable
from rnc_graph.errors import MissingFileError
from rnc_graph.experiments.datasets import Datasets
from rnc_graph.experiments.results import FinishedRun, Table, finished_runs, tabulate
from rnc_graph.experiments.run import prepare
from rnc_graph.experiments.spec import Experiment, read_spec
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import RegressTask


@dataclass(frozen=True)
class Results:
    """All that a folder of results holds."""

    experiment: Experiment
    datasets: Datasets
    runs: list[FinishedRun]
    tables: list[Table]
    command: str
    versions: Mapping[str, str]
    store: Store

    @property
    def tables_of_data(self) -> Mapping[str, SampleTable]:
        """The data sets, by name."""
        return self.datasets.tables

    def pretraining_history(self, run: FinishedRun) -> list[dict[str, float]]:
        """Return what stage 1 noted down, one row an epoch; nothing without one or its record."""
        task = run.planned.task
        if not isinstance(task, RegressTask) or task.pretrained is None:
            return []
        key = task.pretrained.key
        found: list[dict[str, Any]] = (
            self.store.record(key)["history"] if self.store.has(key) else []
        )
        return found


def open_results(folder: Path) -> Results:
    """Open a folder that ``rnc-graph run`` has finished.

    Raises:
        RncGraphError: it is no such folder, or runs are missing.
    """
    for name in ("spec.yaml", "table.json", "versions.json", "store"):
        if not (folder / name).exists():
            raise MissingFileError(
                f"{folder}: has no {name}; give the folder of a finished experiment, or finish it "
                "with `rnc-graph run`"
            )
    experiment = read_spec(folder / "spec.yaml")
    prepared = prepare(experiment)
    store = Store(folder / "store")
    missing = {run.task.key for run in prepared.planned} - store.keys()
    if missing:
        raise MissingFileError(
            f"{folder}: {len(missing)} of {len(prepared.planned)} runs are missing; finish the "
            "experiment with `rnc-graph run`"
        )
    runs = finished_runs(prepared.planned, store)
    return Results(
        experiment,
        prepared.datasets,
        runs,
        tabulate(experiment, runs, prepared.datasets.tables),
        json.loads((folder / "table.json").read_text(encoding="utf-8"))["command"],
        json.loads((folder / "versions.json").read_text(encoding="utf-8")),
        store,
    )
