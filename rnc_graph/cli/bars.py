"""Progress bars on a terminal; elsewhere a line a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich import progress

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
        phase, task = "", progress.TaskID(0)
        began, at_first, said = 0.0, 0.0, time.monotonic()

        def report(what: str, done: float) -> None:
            nonlocal phase, task, began, at_first, said
            now = time.monotonic()
            if what != phase:
                for old in bars.task_ids:
                    bars.remove_task(old)
                phase, task = what, bars.add_task(what, total=None if unit else 1.0)
                began, at_first = now, done
            bars.update(task, completed=done)
            if shown and not drawn and now - said > _BETWEEN_LINES:
                said = now
                pace = (done - at_first) / max(now - began, 1.0)
                how_far = f"{done:,.0f} {unit}" if unit else _share(done, pace)
                console.print(f"{what}: {how_far}", markup=False, soft_wrap=True)

        yield report


def _share(done: float, pace: float) -> str:
    """Return a share of the work with an estimate of the time left, by the share a second."""
    from rnc_graph.reporting.numbers import duration

    left = f", about {duration((1 - done) / pace)} left" if pace > 0 else ""
    return f"{done:.0%}{left}"
