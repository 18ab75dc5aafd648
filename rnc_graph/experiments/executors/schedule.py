"""Which task is computed when: pretrainings before the runs that need them, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping

from rnc_graph.errors import RunError, WriteError
from rnc_graph.experiments.executors.executor import Executor
from rnc_graph.experiments.progress import Progress
from rnc_graph.experiments.tasks import PretrainTask, Task, needs

# How often progress is drawn anew while tasks run, in seconds.
_TICK = 0.2


class TasksFailedError(RunError):
    """Tasks that failed by themselves, as by a training that diverged."""


def run_tasks(tasks: Mapping[str, Task], executor: Executor, progress: Progress) -> None:
    """Run the tasks, each result into the store as soon as it is there.

    ``tasks`` are what the store lacks, by key, pretrainings before the runs that need them.

    Raises:
        TasksFailedError: some did, each with its reason, after all others were done.
        RncGraphError: a process died for good. Finished results are kept.
        WriteError: the store cannot be written to; this ends it all at once.
    """
    waiting: dict[str, list[str]] = {}
    ready: deque[str] = deque()
    for key, task in tasks.items():
        needed = needs(task)
        if needed is not None and needed.key in tasks:
            waiting.setdefault(needed.key, []).append(key)
        else:
            ready.append(key)
    running = 0
    failures: dict[str, str] = {}
    while running or ready:
        # No more than it wants at a time, so that whole seeds end early, in order.
        while ready and running < executor.slots:
            key = ready.popleft()
            executor.submit(key, tasks[key])
            running += 1
        done = executor.finished(_TICK)
        for key in executor.epochs():
            progress.epoch(key)
        for key, error in done:
            running -= 1
            if error is None:
                progress.finished(key)
                # Before what else waits: a seed that is begun is finished first.
                ready.extendleft(reversed(waiting.pop(key, [])))
            elif isinstance(error, WriteError):
                raise error
            else:
                failures[key] = str(error)
    if failures:
        left_out = sum(map(len, waiting.values()))
        raise TasksFailedError(
            "\n".join(
                [
                    f"{len(failures)} of {len(tasks)} tasks failed, and {left_out} that "
                    "depend on them were left out; all others are done and kept",
                    # In the order of the tasks, whichever ended first.
                    *(failures[key] for key in tasks if key in failures),
                ]
            )
        )


def missing_tasks(
    tasks: Mapping[str, Task], there: Collection[str], damaged: Collection[str]
) -> dict[str, Task]:
    """Return the tasks still to be done: missing runs, and the pretrainings that they lack.

    ``there`` are the keys of the stored results, ``damaged`` those of results that were or are to
    be removed; none of them stays missing.
    """
    runs = {
        key: task
        for key, task in tasks.items()
        if not isinstance(task, PretrainTask) and key not in there
    }
    needed = {task.key for task in map(needs, runs.values()) if task is not None}
    return {
        key: task
        for key, task in tasks.items()
        if key in runs or key in damaged or (key in needed and key not in there)
    }
