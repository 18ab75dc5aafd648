"""Tasks in processes on this machine: one task a process, or each task in all processes."""

from __future__ import annotations

import shutil
from concurrent.futures import (
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from typing_extensions import Self

from rnc_graph.errors import RncGraphError, RunError
from rnc_graph.experiments.executors.executor import LOST, Executor, Work
from rnc_graph.experiments.tasks import BaselineTask, Task
from rnc_graph.training.distributed import joined
from rnc_graph.workers import CONTEXT, worker_pool


class LocalExecutor(Executor):
    """``jobs`` processes, each on one thread: results do not depend on how many there are."""

    _pool: ProcessPoolExecutor

    def __init__(self, work: Work, jobs: int) -> None:
        super().__init__(work)
        self.slots = jobs
        self._running: dict[Future[None], str] = {}

    def __enter__(self) -> Self:
        """Start the processes."""
        self._epochs = CONTEXT.Queue()
        pool = worker_pool(self.slots, LOST, _start, (self.work, self._epochs))
        self._pool = self._stack.enter_context(pool)
        return self

    def submit(self, key: str, task: Task) -> None:
        """Begin a task."""
        self._running[self._pool.submit(_run, key, task)] = key

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Return the tasks that are done, or failed."""
        done, _ = wait(self._running, timeout=timeout, return_when=FIRST_COMPLETED)
        return [(self._running.pop(future), _error(future)) for future in done]


class SharedExecutor(Executor):
    """W processes that compute each task together (DDP), on a device each."""

    slots = 1
    _pool: ProcessPoolExecutor

    def __init__(self, work: Work, processes: int) -> None:
        super().__init__(work)
        self.processes = processes
        self._running: dict[str, list[Future[None]]] = {}

    def __enter__(self) -> Self:
        """Start the processes."""
        # In the store, whose disk can lock files: the store is locked there.
        self._folder = self.work.store.unfinished("meetings")
        self._folder.mkdir(parents=True)
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        ranks = CONTEXT.Queue()
        for rank in range(self.processes):
            ranks.put(rank)
        self._epochs = CONTEXT.Queue()
        arguments = (self.work, self._epochs, self.processes, ranks)
        pool = worker_pool(self.processes, LOST, _start, arguments)
        self._pool = self._stack.enter_context(pool)
        return self

    def submit(self, key: str, task: Task) -> None:
        """Begin a task: each process takes one of as many calls, since none returns before all.

        A baseline has nothing to share, and one process does it alone.
        """
        alone = isinstance(task, BaselineTask)
        meeting = None if alone else self._folder / key
        calls = 1 if alone else self.processes
        self._running[key] = [self._pool.submit(_run, key, task, meeting) for _ in range(calls)]

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Return the task that is done; one that failed in any process ends all of them.

        Raises:
            RncGraphError: the task failed. The others wait for it for ever, so nothing goes on.
        """
        found: list[tuple[str, Exception | None]] = []
        for key, futures in list(self._running.items()):
            done, waiting = wait(futures, timeout=timeout, return_when=FIRST_EXCEPTION)
            for error in filter(None, map(_error, done)):
                raise error if isinstance(error, RncGraphError) else RunError(str(error))
            if not waiting:
                del self._running[key]
                found.append((key, None))
        return found


def _error(future: Future[None]) -> Exception | None:
    error = future.exception()
    # What is more than a failed task: Ctrl-C, or a dead process, whose end the pool describes.
    if isinstance(error, BrokenProcessPool) or not isinstance(error, Exception | None):
        raise error
    return error


# What a worker process keeps: the work, the queue of epochs, its rank, and how many share a task.
_kept: list[tuple[Work, Any, int, int]] = []


def _start(work: Work, epochs: Any, processes: int = 1, ranks: Any = None) -> None:
    rank = ranks.get() if ranks is not None else 0
    # One of the processes that share a task reports on it.
    work = work if rank == 0 else replace(work, tracking={})
    _kept.append((work, epochs, rank, processes))
    work.setup()


def _run(key: str, task: Task, meeting: Path | None = None) -> None:
    """Run one task, with the processes that meet there; the first of them stores the result."""
    work, epochs, rank, processes = _kept[0]
    stage1, device = work.stage1(task), work.resources.device
    reports = meeting is None or rank == 0
    with joined(rank, processes, meeting, device) if meeting else nullcontext():
        result = work.compute(key, task, stage1, lambda: epochs.put(key) if reports else None)
    if reports:
        work.store.put(key, *result)
