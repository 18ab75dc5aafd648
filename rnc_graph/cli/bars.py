"""Progress bars on a terminal; elsewhere a line a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich import progress
from rich.console import Console

from rnc_graph.cli.app import console as new_console

_BETWEEN_LINES = 60.0


@contextmanager
def work_bar(what: str, unit: str | None = None) -> Iterator[Callable[[float], None]]:
    """Show how far a piece of work is, with an estimate of the time left.

    The block reports the share that is done, or what is counted in a ``unit`` if the end is not
    known.
    """
    with phase_bar(unit) as report:
        report(what, 0.0)
        yield partial(report, what)


@contextmanager
def phase_bar(
    unit: str | None = None, *, shown: bool = True
) -> Iterator[Callable[[str, float], None]]:
    """Show pieces of work that follow each other; the block reports each one and its share done."""
    console = new_console(stderr=True)
    name, elapsed = progress.TextColumn("{task.description}"), progress.TimeElapsedColumn()
    share = (progress.BarColumn(), progress.TaskProgressColumn(), elapsed)
    left = progress.TimeRemainingColumn(elapsed_when_finished=True)
    counted = (progress.MofNCompleteColumn(), progress.TextColumn(unit or ""), elapsed)
    columns = (name, *counted) if unit else (name, *share, left)
    drawn = shown and console.is_terminal
    with progress.Progress(*columns, console=console, transient=True, disable=not drawn) as bars:
        phase, task, lines = "", progress.TaskID(0), _Lines(console, unit)

        def report(what: str, done: float) -> None:
            nonlocal phase, task
            if what != phase:
                for old in bars.task_ids:
                    bars.remove_task(old)
                phase, task = what, bars.add_task(what, total=None if unit else 1.0)
            bars.update(task, completed=done)
            if shown and not drawn:
                lines.report(what, done)

        yield report


class _Lines:
    """A line a minute, for logs and notebooks, where no bar is drawn."""

    def __init__(self, console: Console, unit: str | None) -> None:
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
