"""What is shown while an experiment runs."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich import progress
from rich.console import Console
from rich.markup import escape

from rnc_graph.experiments.progress import Progress
from rnc_graph.experiments.tasks import Task
from rnc_graph.reporting.numbers import duration

# A task's own cost besides its epochs, in passes of the encoder over the training set: start,
# prediction, and for a baseline everything.
_FIXED_COST = 5.0


class ExperimentBar(Progress):
    """A line for each finished task of an experiment, and on a terminal a bar below them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tasks: Mapping[str, Task] = {}
        self.cost_left: dict[str, float] = {}
        self.total = 0.0
        self.began = 0.0
        self.bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TextColumn("{task.percentage:>3.0f}%"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self.bar = progress.TaskID(0)
        self.decoding: progress.TaskID | None = None
        self.images = 0

    @property
    def done(self) -> int:
        """How many tasks this call has finished."""
        return len(self.tasks) - len(self.cost_left)

    def __enter__(self) -> ExperimentBar:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def say(self, message: str) -> None:
        """Print a message."""
        self.console.print(message, markup=False, soft_wrap=True)

    def decoded(self, images: int) -> None:
        """Count decoded images; their number is not known before they are listed."""
        if self.decoding is None:
            self.decoding = self.bars.add_task("decoding images", total=None, left="")
            self.began = time.monotonic()
        self.images += images
        pace = self.images / max(time.monotonic() - self.began, 1e-3)
        self.bars.update(self.decoding, left=f"{self.images:,} done, {pace:,.0f} a second")

    def start(self, missing: Mapping[str, Task], done: int) -> None:
        """Print how many tasks are done already, and how many are to do."""
        if self.decoding is not None:
            self.bars.remove_task(self.decoding)
        self.tasks = missing
        self.cost_left = {
            key: _FIXED_COST + task.epochs * task.epoch_cost for key, task in missing.items()
        }
        self.total = sum(self.cost_left.values())
        self.began = time.monotonic()
        self.say(f"{done} tasks done already, {len(missing)} to do")
        if missing:
            self.bar = self.bars.add_task("training", total=self.total, left="")

    def epoch(self, key: str) -> None:
        """Move the bar on by an epoch of a task."""
        if key in self.cost_left:
            self.cost_left[key] = max(0.0, self.cost_left[key] - self.tasks[key].epoch_cost)
            self._draw()

    def finished(self, key: str) -> None:
        """Print a line for a finished task."""
        del self.cost_left[key]
        task = self.tasks[key]
        self.console.print(
            f"[dim]{self.done}/{len(self.tasks)}[/] {escape(task.label)}, seed {task.split.seed} "
            f"[dim]{self._draw()}[/]"
        )

    def _draw(self) -> str:
        """Draw the bar, and return an estimate of the time left from the pace so far."""
        left = sum(self.cost_left.values())
        done = self.total - left
        estimate = ""
        if done > 0 and left > 0:
            estimate = f"about {duration((time.monotonic() - self.began) * left / done)} left"
        self.bars.update(self.bar, completed=done, left=estimate)
        return estimate
