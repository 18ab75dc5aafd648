"""What an experiment would do: its runs, what is done already, and how long the rest may take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from rnc_graph.experiments.checks import check_before_training, check_devices, check_methods
from rnc_graph.experiments.executors.schedule import missing_tasks
from rnc_graph.experiments.run import ExecutionConfig, prepare
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.stages import RegressionSpec
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import RegressTask, Resources, Task, TrainingTask
from rnc_graph.seeding import one_thread
from rnc_graph.training import TrainerConfig

# Seconds until processes have loaded their libraries, and for tables and figures at last.
_START = 8.0


@dataclass(frozen=True)
class Line:
    """How many seeds a method or baseline has under one condition, and how many are done."""

    data: str
    split: str
    encoder: str
    method: str
    seeds: int
    done: int


@dataclass(frozen=True)
class Forecast:
    """What an experiment would do: its runs, and its tasks, pretrainings included.

    ``missing`` tasks are to be done, and may take so many ``seconds``, start and tables included.
    """

    lines: list[Line]
    tasks: int
    missing: int
    seconds: float


def forecast(experiment: Experiment, folder: Path, execution: ExecutionConfig) -> Forecast:
    """Plan an experiment and time trial epochs of what is missing; nothing is written.

    Raises:
        RncGraphError: bad data.
    """
    prepared = prepare(experiment)
    store = Store(folder / "store")
    damaged = store.damaged(prepared.tasks).keys()
    there = store.keys() - damaged
    missing = missing_tasks(prepared.tasks, there, damaged)
    seeds: Counter[tuple[str, str, str, str]] = Counter()
    done: Counter[tuple[str, str, str, str]] = Counter()
    for run in prepared.planned:
        point = (run.data, run.split, run.encoder, run.method)
        seeds[point] += 1
        done[point] += run.task.key in there
    lines = [Line(*point, count, done[point]) for point, count in seeds.items()]
    work = 0.0
    if missing:
        resources = prepared.work(execution.device, store).resources
        check_devices(experiment, execution.device)
        check_methods(experiment, prepared.datasets)
        check_before_training(experiment, resources, missing.values())
        work = _seconds(missing.values(), resources)
    processes = (
        execution.processes if execution.processes > 1 else min(execution.jobs, len(missing))
    )
    seconds = _START + work / processes if missing else 0.0
    return Forecast(lines, len(prepared.tasks), len(missing), seconds)


@dataclass(frozen=True)
class _Pace:
    """Seconds that tasks of one kind take, by what is timed on a share of the training set.

    ``fixed`` are those besides the epochs: making the model, predicting, evaluating.
    """

    fixed: float
    epoch: float
    train_size: float

    def seconds(self, task: Task) -> float:
        """Return the time that a task takes."""
        return self.fixed + task.epochs * self.epoch * (
            task.split.spec.train_size / self.train_size
        )


def _seconds(tasks: Iterable[Task], resources: Resources) -> float:
    """Return the time that tasks take one after another, by two epochs of each kind of them."""
    paces: dict[tuple[object, ...], _Pace] = {}
    total = 0.0
    with one_thread():
        for task in tasks:
            kind = _kind(task)
            if kind not in paces:
                if not paces:  # The first one bears what is loaded once.
                    _timed(task, resources)
                paces[kind] = _timed(task, resources)
            total += paces[kind].seconds(task)
    return total


def _kind(task: Task) -> tuple[object, ...]:
    """Tasks of one kind take as long for an epoch, but for the size of the training set."""
    if not isinstance(task, TrainingTask):
        return task.split.data, task.label
    stage = task.stage
    objective = stage.objective.name if stage.objective else None
    frozen = isinstance(stage, RegressionSpec) and stage.freeze
    return task.split.data, str(task.encoder), type(task), objective, stage.views, frozen


def _timed(task: Task, resources: Resources) -> _Pace:
    """Run a task with two epochs, and no pretraining to wait for."""
    if isinstance(task, TrainingTask):
        task = replace(task, stage=task.stage.model_copy(update={"epochs": 2}))
    if isinstance(task, RegressTask):
        stage = task.stage.model_copy(update={"head_epochs": 0})
        task = replace(task, stage=stage, pretrained=None, representation=None)
    ends: list[float] = []
    began = time.perf_counter()
    trainer = TrainerConfig(resources.device, lambda: ends.append(time.perf_counter()))
    task.run(resources, trainer, {})
    taken = time.perf_counter() - began
    epoch = ends[1] - ends[0] if len(ends) == 2 else 0.0
    return _Pace(max(taken - 2 * epoch, 0.0), epoch, task.split.spec.train_size)
