"""What the schedule asks of a place where tasks are computed."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from rnc_graph.experiments.tasks import Task

# The message about a lost process or node.
LOST = "finished runs are kept, and the same command goes on from there"


class Executor(Protocol):
    """A context manager: opened once, used for many tasks."""

    @property
    def slots(self) -> int:
        """How many tasks it wants at a time."""

    def submit(self, key: str, task: Task) -> None:
        """Begin a task whose pretraining, if it has one, is in the store."""

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Wait up to ``timeout`` seconds for tasks whose result is stored, or that failed.

        Raises:
            RncGraphError: a process died for good.
            WriteError: the store cannot be written to.
        """

    def epochs(self) -> list[str]:
        """Return the tasks that finished an epoch since the last call, one entry an epoch."""

    def __enter__(self) -> Executor:
        """Start."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all processes."""
