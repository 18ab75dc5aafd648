"""How far a training is, for people in a notebook or on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def training_bar(*, shown: bool) -> Iterator[Callable[[float], None]]:
    """Draw a bar of the training on the standard output; the block reports the share that is done.

    Where it can be neither a widget nor redrawn, it is one line at the end.
    """
    if not shown:
        yield lambda share: None
        return
    from rich import progress

    left = progress.TimeRemainingColumn(elapsed_when_finished=True)
    columns = (progress.BarColumn(), progress.TaskProgressColumn(), left)
    with progress.Progress(progress.TextColumn("training"), *columns) as bars:
        task = bars.add_task("training", total=1.0)
        yield lambda share: bars.update(task, completed=share)
