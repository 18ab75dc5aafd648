"""Processes that share work, and end with whoever started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import SpawnContext
from typing import Any

from rnc_graph.errors import RncGraphError

CONTEXT: SpawnContext = multiprocessing.get_context("spawn")


@contextmanager
def worker_pool(
    jobs: int,
    lost: str,
    prepare: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[ProcessPoolExecutor]:
    """Start ``jobs`` processes; whatever ends the block ends them too.

    Args:
        jobs: number of processes.
        lost: the end of the message about a worker that died.
        prepare: called once in each of them.
        arguments: what it is called with.

    Raises:
        RncGraphError: a worker died.
    """
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        jobs, CONTEXT, initializer=_start_worker, initargs=(prepare, arguments)
    )
    try:
        yield executor
    except BrokenProcessPool as error:
        raise RncGraphError(f"a worker process died (killed, or out of memory); {lost}") from error
    finally:
        # Killed, not asked: Lightning takes SIGTERM for a wish.
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        executor.shutdown(wait=True, cancel_futures=True)


def _start_worker(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Prepare a process: deaf to Ctrl-C, which is the parent's to handle, and mortal with it."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepare is not None:
        prepare(*arguments)


def _die_with_parent() -> None:
    """End the process when its parent is gone, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
