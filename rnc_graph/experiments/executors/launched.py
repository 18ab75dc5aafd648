"""Each task in all the processes that ``torchrun`` started, on one host or on several.

The first process has the spec's whole experiment in hand: it chooses the tasks, and it alone reads
and writes the store. The others receive each task and compute their share of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from rnc_graph.experiments.executors.work import TaskOptions, compute, prepare_process
from rnc_graph.experiments.grid_point import Resources, Tensors
from rnc_graph.experiments.plan import needs
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import BaselineTask, Task


def launched() -> bool:
    """Say whether ``torchrun`` started this process beside others."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_first() -> bool:
    """Say whether this process is the one that leads, or the only one."""
    return not launched() or os.environ["RANK"] == "0"


class LaunchedExecutor:
    """The first process's side: one task at a time, shared by all."""

    slots = 1

    def __init__(self, resources: Resources, store: Store, options: TaskOptions) -> None:
        self._resources, self._store, self._terms = resources, store, options
        self._epochs: SimpleQueue[str] = SimpleQueue()
        self._running: dict[Future[None], str] = {}
        self._stack = ExitStack()
        self._thread: ThreadPoolExecutor

    def __enter__(self) -> LaunchedExecutor:
        """Meet the others."""
        from rnc_graph.training.distributed import take_own_device

        prepare_process(())
        self._stack.enter_context(_met(self._resources.device))
        self._terms = _seen_by_all(self._terms)
        # Beside the schedule, which goes on telling of progress.
        self._thread = self._stack.enter_context(
            ThreadPoolExecutor(1, initializer=take_own_device, initargs=(self._resources.device,))
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the others go; after an error they may be waiting for this process, and are ended."""
        try:
            if error is None:
                self._thread.submit(_told, None).result()
        finally:
            self._stack.__exit__(kind, error, trace)

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

    def epochs(self) -> list[str]:
        """Return the tasks that finished an epoch since the last call."""
        found: list[str] = []
        try:
            while True:
                found.append(self._epochs.get_nowait())
        except Empty:
            return found

    def _run(self, key: str, task: Task) -> None:
        needed = needs(task)
        stage1 = self._store.tensors(needed.key) if needed else {}
        if not isinstance(task, BaselineTask):  # Which has nothing to share.
            _told((key, task, stage1))
        trainer = self._terms.trainer(
            key, task, self._resources.device, lambda: self._epochs.put(key)
        )
        self._store.put(key, *compute(task, self._resources, stage1, trainer))


def follow(resources: Resources, options: TaskOptions) -> None:
    """Do this process's share of every task that the first one tells of, until there is none.

    Args:
        resources: the data, loaded from the same spec.
        options: how tasks are computed.

    Raises:
        RncGraphError: a task failed.
    """
    prepare_process(())
    with _met(resources.device):
        options = _seen_by_all(options.silent())
        while (told := _told(None)) is not None:
            key, task, stage1 = told
            compute(task, resources, stage1, options.trainer(key, task, resources.device, _nobody))


def _nobody() -> None:
    """Tell nobody: the first process does."""


@contextmanager
def _met(device: str) -> Iterator[None]:
    from rnc_graph.training.distributed import met

    with met(device):
        yield


def _told(work: tuple[str, Task, Tensors] | None) -> tuple[str, Task, Tensors] | None:
    """Return in every process what the first one says is to be done."""
    import torch.distributed as dist

    said: list[Any] = [work]
    dist.broadcast_object_list(said, src=0)
    found: tuple[str, Task, Tensors] | None = said[0]
    return found


def _seen_by_all(options: TaskOptions) -> TaskOptions:
    """Keep states of unfinished tasks only where every process sees the same folder."""
    from rnc_graph.training.distributed import from_all

    own = options.where_seen()
    return own if all(from_all(own.checkpoints is not None)) else own.without_states()
