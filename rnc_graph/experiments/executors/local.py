"""Tasks in processes on this machine, one a process."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from queue import Empty
from types import TracebackType
from typing import Any

from rnc_graph.experiments.executors.executor import LOST
from rnc_graph.experiments.executors.work import TaskOptions, compute, prepare_process
from rnc_graph.experiments.grid_point import Resources
from rnc_graph.experiments.plan import needs
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import Task
from rnc_graph.plugins import Plugin
from rnc_graph.workers import CONTEXT, worker_pool


class LocalExecutor:
    """``jobs`` processes, each on one thread: results do not depend on how many there are."""

    def __init__(
        self,
        jobs: int,
        resources: Resources,
        store: Store,
        plugins: Sequence[Plugin],
        options: TaskOptions,
    ) -> None:
        self.slots = jobs
        self._started_with = (resources, store, plugins, options)
        self._running: dict[Future[None], str] = {}
        self._stack = ExitStack()
        self._pool: ProcessPoolExecutor
        self._epochs: Any

    def __enter__(self) -> LocalExecutor:
        """Start the processes."""
        self._epochs = CONTEXT.Queue()
        self._pool = self._stack.enter_context(
            worker_pool(self.slots, LOST, _start, (*self._started_with, self._epochs))
        )
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
        """Begin a task."""
        self._running[self._pool.submit(_run, key, task)] = key

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Return the tasks that are done, or failed."""
        done, _ = wait(self._running, timeout=timeout, return_when=FIRST_COMPLETED)
        return [(self._running.pop(future), _error(future)) for future in done]

    def epochs(self) -> list[str]:
        """Return the tasks that finished an epoch since the last call."""
        found: list[str] = []
        try:
            while True:
                found.append(self._epochs.get_nowait())
        except Empty:
            return found


def _error(future: Future[None]) -> Exception | None:
    error = future.exception()
    # What is more than a failed task: Ctrl-C, a broken pool is raised by the pool itself.
    if error is not None and not isinstance(error, Exception):
        raise error
    return error


_resources: Resources
_store: Store
_terms: TaskOptions
_queue: Any


def _start(
    resources: Resources, store: Store, plugins: Sequence[Plugin], options: TaskOptions, epochs: Any
) -> None:
    global _resources, _store, _terms, _queue  # one for each process, made once
    _resources, _store, _terms, _queue = resources, store, options, epochs
    prepare_process(plugins)


def _run(key: str, task: Task) -> None:
    """Run one task and put its result into the store."""
    needed = needs(task)
    stage1 = _store.tensors(needed.key) if needed else {}
    trainer = _terms.trainer(key, task, _resources.device, lambda: _queue.put(key))
    _store.put(key, *compute(task, _resources, stage1, trainer))
