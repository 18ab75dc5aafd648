"""What an experiment would do: its runs, what is done already, and how long the rest may take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from rnc_graph.data import MoleculeTable
from rnc_graph.data.inputs import InputDataset
from rnc_graph.encoders import make_encoder
from rnc_graph.experiments.checks import check_methods
from rnc_graph.experiments.executors.schedule import missing_tasks
from rnc_graph.experiments.run import ExecutionConfig, setup_experiment
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.component import EncoderComponent
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import Resources, Task, TrainingTask
from rnc_graph.seeding import one_thread, seeded
from rnc_graph.training.inference import torch_device

# Samples of a batch, and how many times it is run; the fastest time counts.
_BATCH, _STEPS = 64, 4
# What training takes in addition to the encoder's passes: views, loss, optimizer, validation.
_TRAINING = 1.6
# Seconds: until libraries are loaded, with tables and figures at last; of a training task besides
# its epochs; of a baseline for each sample.
_START, _TASK, _FIT = 8.0, 2.0, 3e-3


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

    ``missing`` tasks are to be done. They take about so many ``seconds``, start and tables
    included: half or twice as many where the machine has other work or losses take long.
    """

    lines: list[Line]
    tasks: int
    missing: int
    seconds: float


def forecast(experiment: Experiment, folder: Path, execution: ExecutionConfig) -> Forecast:
    """Plan an experiment and estimate the time of what is missing; nothing is written.

    A few steps of each encoder are timed, for molecules on one data set: the time goes by their
    atoms, or by their drawings, which are of one size. What a run checks before it trains is not
    checked here.

    Raises:
        RncGraphError: bad data.
    """
    setup = setup_experiment(experiment)
    store = Store(folder / "store")
    damaged = store.damaged(setup.tasks).keys()
    there = store.keys() - damaged
    missing = missing_tasks(setup.tasks, there, damaged)
    seeds: Counter[tuple[str, str, str, str]] = Counter()
    done: Counter[tuple[str, str, str, str]] = Counter()
    for run in setup.planned:
        point = (run.data, run.split, run.encoder, run.method)
        seeds[point] += 1
        done[point] += run.task.key in there
    lines = [Line(*point, count, done[point]) for point, count in seeds.items()]
    work = 0.0
    if missing:
        resources = setup.work(execution.device, store).resources
        check_methods(experiment, setup.datasets)
        work = _seconds(missing.values(), resources)
    processes = (
        execution.processes if execution.processes > 1 else min(execution.jobs, len(missing))
    )
    seconds = _START + work / processes if missing else 0.0
    return Forecast(lines, len(setup.tasks), len(missing), seconds)


def _seconds(tasks: Iterable[Task], resources: Resources) -> float:
    """Estimate the time that tasks take one after another, by a few steps of each encoder."""
    paces: dict[tuple[str, str], float] = {}
    atoms: dict[str, float] = {}
    total = 0.0
    with one_thread():
        for task in tasks:
            data = resources.datasets[task.split.data]
            spec = task.split.spec
            size = spec.train * spec.train_size * len(data.table)
            if not isinstance(task, TrainingTask):
                total += _FIT * size
                continue
            key = task.split.data
            atoms[key] = atoms.get(key) or _atoms(data)
            molecules = isinstance(data.table, MoleculeTable)
            kind = data.kind if molecules else key, str(task.encoder)
            if kind not in paces:
                paces[kind] = _pace(task.encoder, data, resources.device) / atoms[key]
            work = task.epochs * task.epoch_cost * size * atoms[key]
            total += _TASK + _TRAINING * work * paces[kind]
    return total


def _rows(data: InputDataset) -> torch.Tensor:
    return torch.arange(min(_BATCH, len(data.inputs)))


def _atoms(data: InputDataset) -> float:
    """Return the mean number of atoms, or nodes, of the first samples; 1 for images."""
    if data.kind == "images":
        return 1.0
    rows = _rows(data)
    return float(data.inputs.batch(rows).num_nodes / len(rows))


def _pace(component: EncoderComponent, data: InputDataset, accelerator: str) -> float:
    """Return the seconds that an encoder takes for a sample, forward and backward."""
    device = torch_device(accelerator)
    # Other work on the machine is not counted; a GPU's own time is not the process's.
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    rows = _rows(data)
    with seeded(0):
        encoder = make_encoder(component.source, component.options, data.inputs).to(device)
        seconds = []
        for _ in range(_STEPS):
            began = clock()
            encoder(data.inputs.batch(rows).to(device)).square().sum().backward()
            seconds.append(clock() - began)
    return min(seconds) / len(rows)
