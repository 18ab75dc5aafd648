"""Each task in all the processes that ``torchrun`` started, on one host or on several.

The first process has the spec's whole experiment in hand: it chooses the tasks, and it alone reads
and writes the store. The others receive each task and compute their share of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from typing_extensions import Self

from rnc_graph.experiments.executors.executor import Executor, Work
from rnc_graph.experiments.tasks import BaselineTask, Task, Tensors
from rnc_graph.training.distributed import from_all, from_first, launched, met, take_own_device


def is_first() -> bool:
    """Return whether this process is the one that leads, or the only one."""
    return not launched() or os.environ["RANK"] == "0"


class LaunchedExecutor(Executor):
    """The first process's side: one task at a time, shared by all."""

    slots = 1
    _thread: ThreadPoolExecutor

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._running: dict[Future[None], str] = {}

    def __enter__(self) -> Self:
        """Meet the others."""
        device = self.work.resources.device
        self.work = self._stack.enter_context(_met(self.work))
        # Parallel to the schedule, which goes on reporting progress.
        self._thread = self._stack.enter_context(
            ThreadPoolExecutor(1, initializer=take_own_device, initargs=(device,))
        )
        return self

    def __exit__(self, *error: Any) -> None:
        """Let the others go; after an error they may be waiting for this process, and are ended."""
        try:
            if error[0] is None:
                self._thread.submit(from_first, None).result()
        finally:
            super().__exit__(*error)

    def submit(self, key: str, task: Task) -> None:
        """Begin a task."""
        self._running[self._thread.submit(self._run, key, task)] = key

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Return the task that is done; one that failed ends everything.

        Raises:
            RncGraphError: the task failed. The others may wait for it for ever, so nothing goes on.
        """
        done, _ = wait(self._running, timeout=timeout)
        for future in done:
            future.result()
        return [(self._running.pop(future), None) for future in done]

    def _run(self, key: str, task: Task) -> None:
        stage1 = self.work.stage1(task)
        if not isinstance(task, BaselineTask):  # Which has nothing to share.
            from_first((key, task, stage1))
        result = self.work.compute(key, task, stage1, lambda: self._epochs.put(key))
        self.work.store.put(key, *result)


def follow(work: Work) -> None:
    """Do this process's share of every task that the first one sends, until there is none.

    ``work`` is loaded from the same spec. Raises :class:`RncGraphError` if a task failed.
    """
    nothing: tuple[str, Task, Tensors] | None = None
    with _met(replace(work, tracking={})) as own:
        while (sent := from_first(nothing)) is not None:
            own.compute(*sent, lambda: None)


@contextmanager
def _met(work: Work) -> Iterator[Work]:
    """Meet the other processes.

    States of unfinished tasks are kept only where every process sees the same folder.
    """
    work.setup()
    with met(work.resources.device):
        seen = all(from_all(work.where_seen().checkpoints is not None))
        yield work if seen else replace(work, checkpoints=None)
