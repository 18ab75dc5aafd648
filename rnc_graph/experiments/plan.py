"""From an experiment to its runs: which tasks there are, and which row and seed each belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnc_graph.data import MoleculeTable
from rnc_graph.experiments.cell import Cell
from rnc_graph.experiments.sections import Part
from rnc_graph.experiments.spec import Experiment, Method
from rnc_graph.experiments.store import digest
from rnc_graph.experiments.tasks import BaselineTask, PretrainTask, RegressTask, Run, Task


@dataclass(frozen=True)
class PlannedRun:
    """One cell of the grid: where it stands in the tables, and the task that makes it.

    Attributes:
        encoder: "" for a baseline, which has none.
        row: name of the method or the baseline.
        seed: of the split.
        task: what makes it; rows with equal settings share one.
    """

    encoder: str
    row: str
    seed: int
    task: Run


def plan(
    experiment: Experiment, table: MoleculeTable, outside: Sequence[str] = ()
) -> list[PlannedRun]:
    """Return all runs of an experiment, encoder by encoder, seed by seed.

    Args:
        experiment: the grid.
        table: its data set.
        outside: SMILES of molecules to be told from the data set's, if it asks for that.
    """
    split = experiment.split
    data = table_digest(table)
    known = digest({"smiles": list(outside)}) if outside else None

    def cell(seed: int) -> Cell:
        return Cell(data, (split.train, split.validation, split.test), split.long_tail, seed)

    runs = [
        PlannedRun(
            name, method.name, seed, _method_task(cell(seed), part, method, experiment, known)
        )
        for name, options in experiment.encoders.items()
        for part in [Part(name=name, **options)]
        for seed in experiment.seeds[name]
        for method in experiment.methods
    ]
    seeds = sorted({seed for of_encoder in experiment.seeds.values() for seed in of_encoder})
    runs += [
        PlannedRun("", name, seed, BaselineTask(cell(seed), name, experiment.evaluate))
        for seed in seeds
        for name in experiment.baselines
    ]
    return runs


def _method_task(
    cell: Cell, encoder: Part, method: Method, experiment: Experiment, outside: str | None
) -> RegressTask:
    pretrained = (
        PretrainTask(cell, encoder, method.pretraining) if method.pretraining is not None else None
    )
    return RegressTask(
        method.name,
        cell,
        encoder,
        pretrained,
        method.regression,
        experiment.evaluate,
        experiment.representation,
        outside,
    )


def with_pretraining(runs: Iterable[PlannedRun]) -> dict[str, Task]:
    """Return the runs' tasks and the pretrainings that they share, by key, each once."""
    tasks: dict[str, Task] = {}
    for run in runs:
        needed = needs(run.task)
        if needed is not None:
            tasks[needed.key] = needed
        tasks[run.task.key] = run.task
    return tasks


def needs(task: Task) -> PretrainTask | None:
    """Return the task that must be finished before ``task``, if any."""
    return task.pretrained if isinstance(task, RegressTask) else None


def table_digest(table: MoleculeTable) -> str:
    """Return a short name for a table's molecules and targets."""
    content = json.dumps([table.smiles, table.targets.tolist(), table.target_names])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
