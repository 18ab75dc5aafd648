"""Progress over tasks and epochs, with an estimate of the time left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from rnc_graph.experiments.tasks import Task

# A task's own cost besides its epochs, in passes of the encoder over the training set: start,
# prediction, and for a baseline everything.
_FIXED_COST = 5.0


class Progress(Protocol):
    """Who is told how an experiment gets on."""

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


class Silent:
    """Tells nobody."""

    def say(self, message: str) -> None:
        """Say nothing."""

    def decoded(self, images: int) -> None:
        """Say nothing."""

    def start(self, missing: Mapping[str, Task], done: int) -> None:
        """Say nothing."""

    def epoch(self, key: str) -> None:
        """Say nothing."""

    def finished(self, key: str) -> None:
        """Say nothing."""


class ConsoleProgress:
    """A line for each finished task, and on a terminal a bar for the whole below them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tasks: Mapping[str, Task] = {}
        self.cost_left: dict[str, float] = {}
        self.began = 0.0
        self.finished_tasks = 0
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self.bar: TaskID | None = None
        self.decoding: TaskID | None = None
        self.images = 0

    def __enter__(self) -> ConsoleProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def say(self, message: str) -> None:
        """Print it."""
        self.console.print(message, markup=False, highlight=False, soft_wrap=True)

    def decoded(self, images: int) -> None:
        """Count them; how many there are is not known before they are listed."""
        if self.decoding is None:
            self.decoding = self.bars.add_task("decoding images", total=None, left="")
            self.began = time.monotonic()
        self.images += images
        pace = self.images / max(time.monotonic() - self.began, 1e-3)
        self.bars.update(self.decoding, left=f"{self.images:,} done, {pace:,.0f} a second")

    def start(self, missing: Mapping[str, Task], done: int) -> None:
        """Say what is done already and what is to be done."""
        if self.decoding is not None:
            self.bars.remove_task(self.decoding)
        self.tasks = missing
        self.cost_left = {key: cost(task) for key, task in missing.items()}
        self.total = sum(self.cost_left.values())
        self.began = time.monotonic()
        self.console.print(f"{done} tasks done already, {len(missing)} to do")
        if missing:
            self.bar = self.bars.add_task("training", total=self.total, left="")

    def epoch(self, key: str) -> None:
        """Move the bar on."""
        if key in self.cost_left:
            self.cost_left[key] = max(0.0, self.cost_left[key] - self.tasks[key].epoch_cost)
            self._draw()

    def finished(self, key: str) -> None:
        """Print a line."""
        del self.cost_left[key]
        self.finished_tasks += 1
        task = self.tasks[key]
        self.console.print(
            f"[dim]{self.finished_tasks}/{len(self.tasks)}[/] {escape(task.label)}, "
            f"seed {task.cell.seed} [dim]{self._left()}[/]",
            highlight=False,
        )
        self._draw()

    def _left(self) -> str:
        """Estimate the time left from the pace so far."""
        left = sum(self.cost_left.values())
        done = self.total - left
        if done <= 0 or left <= 0:
            return ""
        seconds = (time.monotonic() - self.began) * left / done
        if seconds < 90:
            return f"about {seconds:.0f} s left"
        return f"about {seconds / 60:.0f} min left"

    def _draw(self) -> None:
        if self.bar is not None:
            done = self.total - sum(self.cost_left.values())
            self.bars.update(self.bar, completed=done, left=self._left())


def cost(task: Task) -> float:
    """Return what a task costs, in passes of the encoder over the training set."""
    return _FIXED_COST + task.epochs * task.epoch_cost
