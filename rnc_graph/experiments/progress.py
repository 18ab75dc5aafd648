"""What an experiment tells while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rnc_graph.experiments.tasks import Task


class Progress(Protocol):
    """Receives the progress of an experiment."""

    def say(self, message: str) -> None:
        """Take a message for people."""

    def decoded(self, images: int) -> None:
        """Take the number of images decoded since the last call, before anything else."""

    def start(self, missing: Mapping[str, Task], done: int) -> None:
        """Take what is to be done, and how many tasks are done already."""

    def epoch(self, key: str) -> None:
        """Take one more epoch of a task."""

    def finished(self, key: str) -> None:
        """Take a finished task."""


class Silent(Progress):
    """Ignores what it receives; a base for what takes a part of it."""
