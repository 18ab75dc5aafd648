"""From an experiment to its runs: the tasks, and the grid point of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rnc_graph.experiments.datasets import Datasets
from rnc_graph.experiments.spec import Experiment, Method
from rnc_graph.experiments.spec.component import Component, EncoderComponent
from rnc_graph.experiments.spec.sources import source_name
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.experiments.tasks import (
    BaselineTask,
    PretrainTask,
    RegressTask,
    Run,
    SeededSplit,
    Task,
    needs,
)

# How a data set that is only pretrained on is divided: a tenth chooses the epoch.
_SOURCE_SPLIT = SplitSpec(train=0.9, validation=0.1, test=0.0, splitter=Component(name="random"))


@dataclass(frozen=True)
class RunName:
    """A point of the grid, by the names of the spec.

    ``encoder`` is "" for a baseline, which ``method`` names then.
    """

    data: str
    split: str
    encoder: str
    method: str
    seed: int


@dataclass(frozen=True)
class PlannedRun(RunName):
    """A run with the task that makes it; runs with equal settings share one."""

    task: Run


def plan(experiment: Experiment, datasets: Datasets) -> list[PlannedRun]:
    """Return all runs of an experiment, condition by condition, seed by seed."""
    runs = []
    conditions: dict[tuple[str, str, str], list[Method]] = {}
    for point in experiment.grid_points():
        conditions.setdefault((point.data, point.split, point.encoder), []).append(point.method)
    for (data, split, encoder), methods in conditions.items():
        component = EncoderComponent(name=encoder, **experiment.encoders[encoder])
        for seed in experiment.seeds[encoder]:
            digest = datasets.digest(data, experiment.kind_of(encoder))
            seeded_split = SeededSplit(digest, experiment.splits[split], seed)
            runs += [
                PlannedRun(
                    data,
                    split,
                    encoder,
                    method.name,
                    seed,
                    _method_task(experiment, datasets, seeded_split, data, component, method),
                )
                for method in methods
            ]
    return runs + _baselines(experiment, datasets, list(conditions))


def _baselines(
    experiment: Experiment, datasets: Datasets, conditions: Iterable[tuple[str, str, str]]
) -> list[PlannedRun]:
    """Return the baselines' runs, on the seeds of all encoders under a condition."""
    seeds: dict[tuple[str, str], set[int]] = {}
    for data, split, encoder in conditions:
        seeds.setdefault((data, split), set()).update(experiment.seeds[encoder])
    return [
        PlannedRun(
            data,
            split,
            "",
            name,
            seed,
            BaselineTask(
                SeededSplit(datasets.digest(data), experiment.splits[split], seed),
                name,
                experiment.evaluate,
            ),
        )
        for (data, split), found in seeds.items()
        for seed in sorted(found)
        for name in experiment.baselines_on(split)
    ]


def _method_task(
    experiment: Experiment,
    datasets: Datasets,
    seeded_split: SeededSplit,
    data: str,
    encoder: EncoderComponent,
    method: Method,
) -> RegressTask:
    kind = experiment.kind_of(encoder.name)
    pretrained = None
    if method.pretraining is not None:
        source, of = method.pretraining.data, seeded_split
        if source is not None:
            digest = datasets.source_digest(source_name(source), data, kind)
            of = SeededSplit(digest, _SOURCE_SPLIT, seeded_split.seed)
        pretrained = PretrainTask(of, encoder, method.pretraining)
    return RegressTask(
        split=seeded_split,
        encoder=encoder,
        stage=method.regression,
        method=method.name,
        pretrained=pretrained,
        evaluate=experiment.evaluate,
        representation=experiment.representation,
        ood=datasets.ood_digest(data, kind),
        groups=datasets.sets[data].groups if experiment.representation else None,
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
