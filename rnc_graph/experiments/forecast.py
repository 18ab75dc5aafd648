"""What an experiment would do: its runs, what is done already, and how long the rest may take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from rnc_graph.experiments.cell import Resources
from rnc_graph.experiments.checks import check_before_training, check_devices, check_methods
from rnc_graph.experiments.engines.schedule import missing_tasks
from rnc_graph.experiments.progress import cost
from rnc_graph.experiments.run import Where, prepare
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import BaselineTask, RegressTask, Task
from rnc_graph.training import Runtime


@dataclass(frozen=True)
class Line:
    """Runs of one row under one condition.

    Attributes:
        data: name of the data set.
        split: name of the split.
        encoder: "" for a baseline.
        row: the method or baseline.
        seeds: all of them.
        done: how many are in the store.
    """

    data: str
    split: str
    encoder: str
    row: str
    seeds: int
    done: int


@dataclass(frozen=True)
class Forecast:
    """What an experiment would do.

    Attributes:
        lines: its runs.
        tasks: all pieces of work, pretrainings included.
        missing: how many of them are to be done.
        seconds: how long they may take, all processes at work.
    """

    lines: list[Line]
    tasks: int
    missing: int
    seconds: float


def forecast(experiment: Experiment, folder: Path, where: Where) -> Forecast:
    """Plan an experiment and time a trial epoch of what is missing; nothing is written.

    Raises:
        RncGraphError: bad data.
    """
    prepared = prepare(experiment)
    store = Store(folder / "store")
    there = store.keys()
    missing = missing_tasks(prepared.tasks, store)
    seeds: Counter[tuple[str, str, str, str]] = Counter()
    done: Counter[tuple[str, str, str, str]] = Counter()
    for run in prepared.planned:
        place = (run.data, run.split, run.encoder, run.row)
        seeds[place] += 1
        done[place] += run.task.key in there
    lines = [Line(*place, count, done[place]) for place, count in seeds.items()]
    work = 0.0
    if missing:
        resources = prepared.resources(where.device)
        check_devices(experiment, where.device)
        check_methods(experiment, prepared.datasets)
        check_before_training(experiment, resources, missing.values())
        work = _seconds(missing.values(), resources)
    processes = where.processes if where.processes > 1 else min(where.jobs, len(missing))
    return Forecast(lines, len(prepared.tasks), len(missing), work / max(processes, 1))


def _seconds(tasks: Iterable[Task], resources: Resources) -> float:
    """Return the time that tasks take one after another, by one epoch for each kind of them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    runtime = Runtime(resources.device)
    pace: dict[tuple[str, str, str], float] = {}
    total = 0.0
    try:
        for task in tasks:
            kind = _kind(task)
            if kind not in pace:
                trial = _trial(task)
                began = time.perf_counter()
                trial.run(resources, runtime, {})
                # The first one bears what is loaded once.
                if not pace:
                    began = time.perf_counter()
                    trial.run(resources, runtime, {})
                pace[kind] = (time.perf_counter() - began) / cost(trial)
            total += pace[kind] * cost(task)
    finally:
        torch.set_num_threads(threads)
    return total


def _kind(task: Task) -> tuple[str, str, str]:
    """Tasks of one kind take as long for an epoch, but for views and frozen encoders."""
    if isinstance(task, BaselineTask):
        return task.cell.data, task.name, ""
    size = f"{task.cell.split.train_size}"
    return task.cell.data, str(task.encoder), size


def _trial(task: Task) -> Task:
    """Return the task with two epochs, and no pretraining to wait for."""
    if isinstance(task, BaselineTask):
        return task
    if isinstance(task, RegressTask):
        shorter = task.regression.model_copy(update={"epochs": 2})
        return replace(task, regression=shorter, pretrained=None, representation=None)
    return replace(task, pretraining=task.pretraining.model_copy(update={"epochs": 2}))


def print_forecast(console: Console, found: Forecast) -> None:
    """Print it."""
    table = RichTable(box=box.SIMPLE_HEAD)
    for heading in ("data", "split", "encoder", "row"):
        table.add_column(heading)
    for heading in ("seeds", "done"):
        table.add_column(heading, justify="right")
    for line in found.lines:
        table.add_row(
            *map(escape, (line.data, line.split, line.encoder, line.row)),
            str(line.seeds),
            str(line.done),
        )
    console.print(table)
    runs, done = (sum(getattr(line, name) for line in found.lines) for name in ("seeds", "done"))
    minutes = found.seconds / 60
    time_left = f"{minutes:.0f} min" if minutes >= 2 else f"{found.seconds:.0f} s"
    console.print(
        f"{runs} runs, {done} of them done; {found.missing} of {found.tasks} tasks to do, "
        f"pretrainings included: about {time_left}",
        highlight=False,
    )
