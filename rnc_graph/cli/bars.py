"""Progress bars on a terminal; elsewhere a line a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import progress
from rich.console import Console
from rich.markup import escape

from rnc_graph.cli.app import console as new_console

if TYPE_CHECKING:
    from rnc_graph.experiments.tasks import Task

# A task's own cost besides its epochs, in passes of the encoder over the training set: start,
# prediction, and for a baseline everything.
_FIXED_COST = 5.0
_BETWEEN_LINES = 60.0


@contextmanager
def work_bar(what: str, unit: str | None = None) -> Iterator[Callable[[float], None]]:
    """Show how far a piece of work is, with an estimate of the time left.

    Args:
        what: the work.
        unit: of what is counted, where the end is not known; otherwise the block reports the share
            that is done.
    """
    name, elapsed = progress.TextColumn("{task.description}"), progress.TimeElapsedColumn()
    share = (progress.BarColumn(), progress.TaskProgressColumn(), elapsed)
    counted = (progress.MofNCompleteColumn(), progress.TextColumn(unit or ""), elapsed)
    columns = (name, *counted) if unit else (name, *share, progress.TimeRemainingColumn())
    console = new_console(stderr=True)
    drawn, lines = console.is_terminal, _Lines(console, unit)
    with progress.Progress(*columns, console=console, transient=True, disable=not drawn) as bars:
        task = bars.add_task(what, total=None if unit else 1.0)

        def report(done: float) -> None:
            bars.update(task, completed=done)
            if not drawn:
                lines.report(what, done)

        yield report


@contextmanager
def phase_bar(*, shown: bool = True) -> Iterator[Callable[[str, float], None]]:
    """Show pieces of work that follow each other; the block reports each one and its share done.

    Off a terminal, a line a minute.
    """
    console = new_console(stderr=True)
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
    )
    drawn = shown and console.is_terminal
    with progress.Progress(*columns, console=console, transient=True, disable=not drawn) as bars:
        phase, task, lines = "", progress.TaskID(0), _Lines(console)

        def report(what: str, share: float) -> None:
            nonlocal phase, task
            if what != phase:
                for old in bars.task_ids:
                    bars.remove_task(old)
                phase, task = what, bars.add_task(what, total=1.0)
            bars.update(task, completed=share)
            if shown and not drawn:
                lines.report(what, share)

        yield report


class _Lines:
    """A line a minute, for logs and notebooks, where no bar is drawn.

    Args:
        console: to print on.
        unit: of what is counted; None for shares of the work.
    """

    def __init__(self, console: Console, unit: str | None = None) -> None:
        self.console, self.unit = console, unit
        self.phase, self.begun = "", (0.0, 0.0)
        self.said = time.monotonic()

    def report(self, what: str, done: float) -> None:
        """Print how far a piece of work is, if the last line is old enough."""
        now = time.monotonic()
        if what != self.phase:
            self.phase, self.begun = what, (now, done)
        if now - self.said <= _BETWEEN_LINES:
            return
        self.said = now
        text = f"{what}: {done:,.0f} {self.unit}"
        if self.unit is None:
            from rnc_graph.reporting.numbers import duration

            pace = (done - self.begun[1]) / max(now - self.begun[0], 1.0)
            left = f", about {duration((1 - done) / pace)} left" if pace > 0 else ""
            text = f"{what}: {done:.0%}{left}"
        self.console.print(text, markup=False, soft_wrap=True)


class ExperimentBar:
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
        self.bar: progress.TaskID | None = None
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
            f"[dim]{self._left()}[/]"
        )
        self._draw()

    def _left(self) -> str:
        """Estimate the time left from the pace so far."""
        from rnc_graph.reporting.numbers import duration

        left = sum(self.cost_left.values())
        done = self.total - left
        if done <= 0 or left <= 0:
            return ""
        return f"about {duration((time.monotonic() - self.began) * left / done)} left"

    def _draw(self) -> None:
        if self.bar is not None:
            done = self.total - sum(self.cost_left.values())
            self.bars.update(self.bar, completed=done, left=self._left())
