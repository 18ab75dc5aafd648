"""Where tasks are computed: what every executor can do, and what a process does with a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from typing_extensions import Self

from rnc_graph.errors import RncGraphError, RunError, WriteError
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import BaselineTask, Record, Resources, Task, Tensors, needs
from rnc_graph.plugins import Plugin, own_line
from rnc_graph.seeding import one_thread_always
from rnc_graph.training import TrainerConfig
from rnc_graph.workers import drain

# The end of the message about a lost process or node.
LOST = "finished runs are kept, and the same command goes on from there"


@dataclass(frozen=True)
class Work:
    """All that a process needs to compute tasks.

    Attributes:
        resources: the data, and the device.
        store: of the results.
        plugins: run in each process before its first task.
        checkpoints: folder for the states of unfinished tasks; None keeps none.
        tracking: options of loggers, by name.
        tracking_folder: for loggers that write files.
    """

    resources: Resources
    store: Store
    plugins: Sequence[Plugin]
    checkpoints: Path | None
    tracking: Mapping[Any, Mapping[str, Any]]
    tracking_folder: Path

    def where_seen(self) -> Work:
        """Return the same without states, where the folder's disk cannot be seen."""
        seen = self.checkpoints is not None and self.checkpoints.parent.is_dir()
        return self if seen else replace(self, checkpoints=None)

    def setup(self) -> None:
        """Set up a process: one thread, so that results do not depend on where it runs."""
        one_thread_always()
        # Denormal numbers slow a processor down many times, and nothing here depends on them.
        torch.set_flush_denormal(True)
        for plugin in self.plugins:
            plugin.load()

    def stage1(self, task: Task) -> Tensors:
        """Return the stored tensors of a task's pretraining; none without one."""
        needed = needs(task)
        return self.store.tensors(needed.key) if needed else {}

    def compute(
        self, key: str, task: Task, stage1: Tensors, on_epoch: Callable[[], None]
    ) -> tuple[Record, Tensors]:
        """Run a task.

        Raises:
            RncGraphError: it failed; the message names the task.
        """
        trainer = TrainerConfig(self.resources.device)
        if not isinstance(task, BaselineTask):
            from rnc_graph.experiments.tracking import make_loggers

            trainer = replace(
                trainer,
                on_epoch=on_epoch,
                checkpoint=self.checkpoints / f"{key}.ckpt" if self.checkpoints else None,
                loggers=make_loggers(self.tracking, self.tracking_folder, key, task.label),
            )
        try:
            return task.run(self.resources, trainer, stage1)
        except WriteError:
            raise
        except (Exception, SystemExit) as error:
            known = isinstance(error, RncGraphError)
            where = "" if known else f"{own_line(error)}{type(error).__name__}: "
            raise RunError(f"{task.label}, seed {task.split.seed}: {where}{error}") from error


class Executor(ABC):
    """A context manager that computes tasks; it is entered once."""

    slots: int
    """How many tasks it takes at a time."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._stack = ExitStack()
        self._epochs: Any = SimpleQueue()

    @abstractmethod
    def submit(self, key: str, task: Task) -> None:
        """Begin a task whose pretraining, if it has one, is in the store."""

    @abstractmethod
    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Wait up to ``timeout`` seconds for tasks whose result is stored, or that failed.

        Raises:
            RncGraphError: a process died for good, or the store cannot be written to.
        """

    def epochs(self) -> list[str]:
        """Return the tasks that finished an epoch since the last call, one entry an epoch."""
        return list(drain(self._epochs))

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(self, *error: Any) -> None:
        """End all processes; a dead one raises its error."""
        self._stack.__exit__(*error)
