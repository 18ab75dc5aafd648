"""RDKit without its messages, and Ctrl-C while it computes.

While RDKit searches for substructures, it replaces the handler of SIGINT by its own. Ctrl-C then
ends the search with a part of the matches, and all that is left of it is a warning in RDKit's log.
"""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rdkit import rdBase

T = TypeVar("T")

# Behind the time; messages about a SMILES may quote anything.
_INTERRUPTED = re.compile(r"\[[\d:]+\] (Interrupted,|Substructure search was interrupted)")
_END = "rnc_graph has heard all warnings"


class _Listener:
    """Takes the messages of threads inside of :meth:`block` out of Python's log ``rdkit``.

    It stands in front of the logger's own methods, so that it hears all whatever the user sets:
    levels, filters, ``disabled``, ``logging.disable`` or ``logging.config``.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.thread = threading.local()
        self.lock = threading.RLock()
        self.turn = threading.RLock()
        self.blocks = 0
        self.was_enabled = True
        self.is_enabled, self.pass_on = logger.isEnabledFor, logger.handle
        vars(logger).update(isEnabledFor=self._is_enabled, handle=self._handle)

    def _heard(self) -> list[str] | None:
        heard: list[str] | None = getattr(self.thread, "heard", None)
        return heard

    def _is_enabled(self, level: int) -> bool:
        return self._heard() is not None or self.is_enabled(level)

    def _handle(self, record: logging.LogRecord) -> None:
        heard = self._heard()
        if heard is None:
            self.pass_on(record)
        elif record.levelno == logging.WARNING:
            heard.append(record.getMessage())

    @contextmanager
    def block(self) -> Iterator[list[str]]:
        """Yield the list that warnings of this thread go to; warnings are on meanwhile."""
        outer = self._heard()
        with self.lock:
            if not self.blocks:
                self.was_enabled = "rdApp.warning:enabled" in rdBase.LogStatus()
                rdBase.EnableLog("rdApp.warning")
            self.blocks += 1
        self.thread.heard = heard = [] if outer is None else outer
        try:
            yield heard
        finally:
            self.thread.heard = outer
            with self.lock:
                self.blocks -= 1
                if not self.blocks and not self.was_enabled:
                    rdBase.DisableLog("rdApp.warning")


def _connect() -> None:
    """Send RDKit's messages to Python's log, which prints them as RDKit does."""
    before = rdBase.LogStatus().split()
    rdBase.LogToPythonLogger()
    for name, status in (entry.split(":") for entry in before):
        (rdBase.EnableLog if status == "enabled" else rdBase.DisableLog)(name)


_LISTENER = _Listener(logging.getLogger("rdkit"))
_connect()


@contextmanager
def quiet() -> Iterator[None]:
    """Switch RDKit's messages off; for what searches no substructures.

    A message that is no UTF-8, as parts of a text may be, would be an error in Python's log.
    """
    with _LISTENER.turn, rdBase.BlockLogs():
        yield


def _restore_handler() -> None:
    """Make SIGINT Python's again; RDKit's handler remains where two threads searched at a time."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)


def _interrupted(compute: Callable[[], None], heard: list[str]) -> bool:
    """Compute; return whether Ctrl-C ended a search."""
    first = len(heard)
    try:
        compute()
        rdBase.LogWarningMsg(_END)
    except KeyboardInterrupt:
        if threading.current_thread() is threading.main_thread():
            raise
        return True  # RDKit raises it in whatever thread it runs.
    except SystemError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # While RDKit wrote to its log.
            raise error.__cause__ from None
        raise
    return any(map(_INTERRUPTED.match, heard[first:]))


def whole(compute: Callable[[], T]) -> T:
    """Return what a function computes with RDKit, never a part of it, and without its messages.

    If Ctrl-C ended a search, the signal is sent again. Its handler most often raises
    ``KeyboardInterrupt``; if it does not, or belongs to another thread, all is computed anew.
    Threads take turns, since a process has one handler.
    """
    found: list[T] = []
    connected = False
    with _LISTENER.turn:
        while True:
            found.clear()
            with _LISTENER.block() as heard:
                interrupted = _interrupted(lambda: found.append(compute()), heard)
            _restore_handler()
            if interrupted:
                signal.raise_signal(signal.SIGINT)
            elif connected or (heard and heard[-1].endswith(_END)):
                return found[0]
            else:  # Somebody has sent RDKit's messages elsewhere.
                _connect()
                connected = True
