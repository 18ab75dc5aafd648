"""What an experiment tells while it runs."""

from __future__ import annotations

from collections.abc import Mapping

from rnc_graph.experiments.tasks import Task


class Progress:
    """Receives the progress of an experiment, and tells nobody; subclasses do what they like."""

    def say(self, message: str) -> None:
        """Hear of something that people should know."""

    def decoded(self, images: int) -> None:
        """Hear of so many more images, decoded before anything else."""

    def start(self, missing: Mapping[str, Task], done: int) -> None:
        """Hear what is to be done, and how many tasks are done already."""

    def epoch(self, key: str) -> None:
        """Hear of one more epoch of a task."""

    def finished(self, key: str) -> None:
        """Hear of a finished task."""
