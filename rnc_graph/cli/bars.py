"""Progress bars on a terminal; elsewhere nothing is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def work_bar(what: str, unit: str | None = None) -> Iterator[Callable[[float], None]]:
    """Show how far a piece of work is, with an estimate of the time left.

    Args:
        what: the work.
        unit: of what is counted, where the end is not known; otherwise the block tells the share
            that is done.
    """
    columns = (
        (TextColumn("{task.description}"), MofNCompleteColumn(), TextColumn(unit or ""))
        if unit
        else (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    )
    left = () if unit else (TimeRemainingColumn(),)
    console = Console(stderr=True)
    with Progress(
        *columns,
        TimeElapsedColumn(),
        *left,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        task = bars.add_task(what, total=None if unit else 1.0)
        yield lambda done: bars.update(task, completed=done)
