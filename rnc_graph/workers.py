"""Pools of worker processes that never outlive their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Any, TypeVar

from rnc_graph.errors import RunError

if sys.platform == "linux":
    from multiprocessing.context import ForkServerContext as Context
    from multiprocessing.context import ForkServerProcess as ContextProcess
else:
    from multiprocessing.context import SpawnContext as Context
    from multiprocessing.context import SpawnProcess as ContextProcess

T = TypeVar("T")
Made = TypeVar("Made")

# Chunks that wait for each worker: bounds the memory, and keeps it busy.
_AHEAD = 2

# What workers that train import: the server does it once.
_TRAINING = (
    "torch_geometric",
    "lightning",
    "rnc_graph.training.fit",
    "rnc_graph.models",
    "rnc_graph.experiments.tasks",
)

CONTEXT = Context()

# Held while a start hides the main module's __file__, which is the same for all threads.
_STARTING = threading.Lock()

_HINT = (
    "; a script that passes classes or functions of its own needs "
    'if __name__ == "__main__": around its work'
)


def _unguarded_script() -> Any:
    """Return the main module if it is a script that would run anew where it is imported.

    None for a script that asks for ``__main__``, for ``python -m``, and for a notebook.
    """
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None:
        return None
    try:
        return None if b"__main__" in Path(path).read_bytes() else main
    except OSError:
        return None


class _Process(ContextProcess):
    """A process whose exit code one thread at a time asks for.

    The fork server tells it once: of two threads, the second would take it for 255.
    """

    def start(self) -> None:
        """Start it; it imports the script that starts it, unless this would run it anew."""
        with _STARTING:
            script = _unguarded_script()
            path = None if script is None else vars(script).pop("__file__")
            try:
                super().start()
            finally:
                if script is not None:
                    script.__file__ = path
        if sys.platform != "linux":
            return
        popen: Any = self._popen  # type: ignore[attr-defined]
        poll, lock = popen.poll, threading.Lock()

        def poll_alone(flag: int = os.WNOHANG) -> int | None:
            # 0 waits for the end of the process.
            if not lock.acquire(blocking=flag == 0):
                return popen.returncode  # type: ignore[no-any-return]
            try:
                return poll(flag)  # type: ignore[no-any-return]
            finally:
                lock.release()

        popen.poll = poll_alone


class _Processes(Context):
    """Remembers the processes that a pool starts, to report how they ended."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> BaseProcess:  # type: ignore[override]
        """Create a process and remember it."""
        process = _Process(*args, **kwargs)
        self.started.append(process)
        return process


@contextmanager
def worker_pool(
    jobs: int,
    lost: str,
    setup: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
    *,
    trains: bool = True,
) -> Iterator[ProcessPoolExecutor]:
    """Start ``jobs`` processes; all of them end with the block.

    Args:
        jobs: number of processes.
        lost: the end of the message about a worker that died.
        setup: called once in each process.
        arguments: the arguments of ``setup``.
        trains: whether this process has anything trained in others; where it does not, they start
            sooner.

    Raises:
        RunError: a worker died.
    """
    context = _Processes()
    _start_server(trains)
    executor = ProcessPoolExecutor(
        jobs,
        context,
        initializer=_start_worker,
        initargs=(dict(os.environ), setup, arguments),
    )
    try:
        yield executor
    except BrokenProcessPool as error:
        how = _how_it_ended(_exit_codes(context.started))
        with _STARTING:
            unguarded = _unguarded_script() is not None
        # A signal, as when memory runs out, has other causes.
        hint = _HINT if unguarded and how.startswith("exited") else ""
        raise RunError(f"a worker process {how}; {lost}{hint}") from error
    finally:
        # Lightning handles SIGTERM and continues, so SIGKILL.
        for process in context.started:
            if process.is_alive():
                process.kill()
        executor.shutdown(wait=True, cancel_futures=True)


def in_order(
    make: Callable[[T], Made],
    chunks: Iterable[T],
    jobs: int,
    lost: str,
    *,
    trains: bool = True,
) -> Iterator[Made]:
    """Yield ``make(chunk)`` of each chunk, in order, computed in ``jobs`` processes.

    Chunks are taken as they are needed, so that a stream of any length takes bounded memory.

    Args:
        make: must be picklable for ``jobs`` above 1.
        chunks: its arguments.
        jobs: number of processes; 1 computes in this one.
        lost: the end of the message about a worker that died.
        trains: see :func:`worker_pool`.

    Raises:
        RunError: a worker died.
    """
    if jobs == 1:
        yield from map(make, chunks)
        return
    waiting: deque[Future[Made]] = deque()
    with worker_pool(jobs, lost, trains=trains) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(make, chunk))
            if len(waiting) > _AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def drain(queue: Any) -> Iterator[Any]:
    """Yield all that a queue holds now."""
    try:
        while True:
            yield queue.get_nowait()
    except Empty:
        return


def _exit_codes(processes: Sequence[BaseProcess]) -> list[int | None]:
    """Return the exit codes of a broken pool's processes, once one is known."""
    # The pool's own thread waits for them too, and may see the exit code first.
    for _ in range(100):
        codes = [process.exitcode for process in processes]
        if any(codes):
            break
        time.sleep(0.01)
    return codes


def _how_it_ended(exit_codes: Sequence[int | None]) -> str:
    """Describe how the first process of a broken pool ended; the pool terminates the others.

    >>> _how_it_ended([None, -11, -15])
    'crashed with SIGSEGV, a fault in a compiled library'
    >>> _how_it_ended([-9])
    'was killed with SIGKILL, as the system does when memory runs out'
    >>> _how_it_ended([1, 0])
    'exited with code 1'
    """
    ended = [code for code in exit_codes if code]
    # SIGTERM last: the pool sends it to the remaining processes.
    code = min(ended, key=lambda code: code == -signal.SIGTERM, default=0)
    if code >= 0:
        return f"exited with code {code}"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return f"was killed with {name}, as the system does when memory runs out"
    if name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"):
        return f"crashed with {name}, a fault in a compiled library"
    return f"was ended by {name}"


def _start_server(trains: bool) -> None:
    """Start the process that workers are forked from, unless it runs; it ends with this one."""
    if sys.platform != "linux":
        return
    preload = ["rnc_graph.worker_imports", *(_TRAINING if trains else ())]
    forkserver.set_forkserver_preload(preload)
    # Ctrl-C, which the parent handles, would end it while it imports.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start_worker(
    environment: dict[str, str], setup: Callable[..., None] | None, arguments: tuple[Any, ...]
) -> None:
    """Set up a process: it ignores Ctrl-C, which the parent handles, and ends with its parent."""
    # The server has the variables of its own start.
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if setup is not None:
        setup(*arguments)


def _die_with_parent() -> None:
    """End the process as soon as its parent has ended, for whatever reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
