"""Each task in several processes at once, one after another: for runs too long for one device."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Any

from rnc_graph.errors import RncGraphError, RunError
from rnc_graph.experiments.executors.executor import LOST
from rnc_graph.experiments.executors.work import TaskOptions, compute, prepare_process
from rnc_graph.experiments.grid_point import Resources
from rnc_graph.experiments.plan import needs
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import BaselineTask, Task
from rnc_graph.plugins import Plugin
from rnc_graph.workers import CONTEXT, worker_pool


class SharedExecutor:
    """W processes that compute each task together (DDP), on a device each."""

    slots = 1

    def __init__(
        self,
        processes: int,
        resources: Resources,
        store: Store,
        plugins: Sequence[Plugin],
        options: TaskOptions,
    ) -> None:
        self.processes = processes
        self._started_with = (resources, store, plugins, options)
        self._stack = ExitStack()
        self._done: deque[str] = deque()
        self._running: dict[str, list[Future[None]]] = {}
        self._pool: ProcessPoolExecutor
        self._epochs: Any

    def __enter__(self) -> SharedExecutor:
        """Start the processes."""
        # In the store, whose disk can lock files: the store is locked there.
        self._folder = self._started_with[1].unfinished("meetings")
        self._folder.mkdir(parents=True)
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        ranks = CONTEXT.Queue()
        for rank in range(self.processes):
            ranks.put(rank)
        self._epochs = CONTEXT.Queue()
        arguments = (*self._started_with, self._epochs, ranks, self.processes)
        self._pool = self._stack.enter_context(worker_pool(self.processes, LOST, _start, arguments))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the processes; a dead one raises its error."""
        self._stack.__exit__(kind, error, trace)

    def submit(self, key: str, task: Task) -> None:
        """Begin a task: each process takes one of as many calls, since none returns before all.

        A baseline has nothing to share, and one process does it alone.
        """
        meeting = self._folder / key
        self._running[key] = (
            [self._pool.submit(_run_alone, key, task)]
            if isinstance(task, BaselineTask)
            else [self._pool.submit(_run, key, task, meeting) for _ in range(self.processes)]
        )

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Return the task that is done; one that failed in any process ends all of them.

        Raises:
            RncGraphError: the task failed. The others wait for it for ever, so nothing goes on.
        """
        found: list[tuple[str, Exception | None]] = []
        for key, futures in list(self._running.items()):
            done, waiting = wait(futures, timeout=timeout, return_when=FIRST_EXCEPTION)
            for future in done:
                error = future.exception()
                if error is not None:
                    raise error if isinstance(error, RncGraphError) else RunError(str(error))
            if not waiting:
                del self._running[key]
                found.append((key, None))
        return found

    def epochs(self) -> list[str]:
        """Return the tasks that finished an epoch since the last call."""
        found: list[str] = []
        try:
            while True:
                found.append(self._epochs.get_nowait())
        except Empty:
            return found


_resources: Resources
_store: Store
_terms: TaskOptions
_queue: Any
_rank: int
_processes: int


def _start(
    resources: Resources,
    store: Store,
    plugins: Sequence[Plugin],
    options: TaskOptions,
    epochs: Any,
    ranks: Any,
    processes: int,
) -> None:
    global _resources, _store, _terms, _queue, _rank, _processes  # one for each process
    _resources, _store, _terms, _queue = resources, store, options, epochs
    _rank, _processes = ranks.get(), processes
    prepare_process(plugins)


def _run_alone(key: str, task: BaselineTask) -> None:
    """Run a baseline and put its result into the store."""
    trainer = _terms.trainer(key, task, _resources.device, lambda: None)
    _store.put(key, *compute(task, _resources, {}, trainer))


def _run(key: str, task: Task, meeting: Path) -> None:
    """Run one task with the other processes; the first one puts the result into the store."""
    from rnc_graph.training.distributed import joined

    needed = needs(task)
    stage1 = _store.tensors(needed.key) if needed else {}
    first = _rank == 0
    # One of them tells of it.
    options = _terms if first else _terms.silent()
    trainer = options.trainer(
        key, task, _resources.device, lambda: _queue.put(key) if first else None
    )
    with joined(_rank, _processes, meeting, _resources.device):
        record, tensors = compute(task, _resources, stage1, trainer)
    if first:
        _store.put(key, record, tensors)
