"""Running tasks in parallel processes, each result into the store, with progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from queue import Empty
from typing import Any

from rnc_graph.errors import RncGraphError, WriteError
from rnc_graph.experiments.cell import Resources
from rnc_graph.experiments.plan import needs
from rnc_graph.experiments.progress import Progress
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import PretrainTask, Task
from rnc_graph.own_modules import OwnModule
from rnc_graph.workers import CONTEXT, worker_pool

# How often progress is drawn anew while tasks run, in seconds.
_TICK = 0.2


def run_tasks(
    tasks: Mapping[str, Task],
    resources: Resources,
    *,
    jobs: int,
    modules: Sequence[OwnModule],
    progress: Progress,
) -> None:
    """Run what the store lacks; a pretraining that nothing missing needs is left out.

    Args:
        tasks: by key, pretrainings before the runs that need them.
        resources: what the tasks need; its store takes each result as soon as it is there.
        jobs: number of processes, each on one thread: results do not depend on it.
        modules: a user's own Python files, as they were read, for each process to load.
        progress: told of finished epochs and tasks.

    Raises:
        RncGraphError: tasks failed, each with its reason, after all others were done; or a process
            died. Finished results are kept.
        WriteError: the store cannot be written to; this ends it all at once.
    """
    store = resources.store
    missing = missing_tasks(tasks, store)
    progress.start(missing, done=len(tasks) - len(missing))
    if not missing:
        return
    with _workers(resources, min(jobs, len(missing)), modules) as (executor, epochs):
        waiting = dict(missing)
        running: dict[Future[None], str] = {}
        failures: list[str] = []
        while running or _ready(waiting, store):
            # No more than there are processes, so that whole seeds end early, in order.
            for key in _ready(waiting, store)[: jobs - len(running)]:
                running[executor.submit(_run, key, waiting.pop(key))] = key
            finished, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
            for key in _drain(epochs):
                progress.epoch(key)
            for future in finished:
                key = running.pop(future)
                try:
                    future.result()
                    progress.finished(key)
                except WriteError:
                    raise
                except RncGraphError as error:
                    failures.append(str(error))
    if failures:
        raise RncGraphError(
            "\n".join(
                [
                    f"{len(failures)} of {len(missing)} tasks failed, and {len(waiting)} that "
                    "depend on them were left out; all others are done and kept",
                    *failures,
                ]
            )
        )


def _ready(waiting: Mapping[str, Task], store: Store) -> list[str]:
    """Return the tasks whose pretraining, if they need one, is there."""
    return [
        key
        for key, task in waiting.items()
        for needed in [needs(task)]
        if needed is None or store.has(needed.key)
    ]


def missing_tasks(tasks: Mapping[str, Task], store: Store) -> dict[str, Task]:
    """Return the tasks still to be done: missing runs, and the pretrainings that they lack."""
    runs = {k: t for k, t in tasks.items() if not isinstance(t, PretrainTask) and not store.has(k)}
    needed = {task.key for task in map(needs, runs.values()) if task is not None}
    return {
        key: task
        for key, task in tasks.items()
        if key in runs or (key in needed and not store.has(key))
    }


def _drain(epochs: Any) -> Iterator[str]:
    """Yield the keys of the tasks that finished an epoch since the last call."""
    try:
        while True:
            yield epochs.get_nowait()
    except Empty:
        return


@contextmanager
def _workers(
    resources: Resources, jobs: int, modules: Sequence[OwnModule]
) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Start the processes, and a queue that tells of their epochs."""
    epochs = CONTEXT.Queue()
    lost = "finished runs are kept, and the same command goes on from there"
    with worker_pool(jobs, lost, _start_worker, (resources, modules, epochs)) as executor:
        yield executor, epochs


_resources: Resources
_epochs: Any


def _start_worker(resources: Resources, modules: Sequence[OwnModule], epochs: Any) -> None:
    """Prepare a process: one thread, the data, the user's parts."""
    import torch

    global _resources, _epochs  # noqa: PLW0603 - one for each process, made once
    # One thread, since sums over several round by how the work was shared out.
    torch.set_num_threads(1)
    # Denormal numbers slow a processor down many times, and nothing here depends on them.
    torch.set_flush_denormal(True)
    _epochs = epochs
    _resources = resources
    for module in modules:
        module.load()


def _run(key: str, task: Task) -> None:
    """Run one task in a worker and put its result into the store; an error names the task."""
    try:
        record, tensors = task.run(_resources, lambda: _epochs.put(key))
        _resources.store.put(key, record, tensors)
    except WriteError:
        raise
    except Exception as error:
        kind = "" if isinstance(error, RncGraphError) else f"{type(error).__name__}: "
        raise RncGraphError(f"{task.label}, seed {task.cell.seed}: {kind}{error}") from error
