"""``python -m rnc_graph.cli``: how the command line ends, by an error or by a signal."""

from __future__ import annotations

import signal
import sys
import threading
from io import TextIOWrapper
from types import FrameType

from rnc_graph.cli import app, say
from rnc_graph.errors import FileError, RncGraphError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Commands that keep what is done; the others begin anew.
_CONTINUED = {"run", "reproduce", "tune", "pretrain"}


def raise_on_signals() -> list[int]:
    """Make SIGINT and SIGTERM raise KeyboardInterrupt; return the list that they are entered in.

    RDKit replaces the handler of SIGINT while it searches for substructures or labels stereo
    centers: it ends them early, with a part of their result, and the process goes on. So all
    threads block SIGINT, and one waits for it and passes it on as SIGTERM. This must be called
    before a library starts threads.
    """
    stopped: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    def pass_on() -> None:
        while True:
            stopped.append(signal.sigwait({signal.SIGINT}))
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    for number in _SIGNALS:
        signal.signal(number, stop)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        threading.Thread(target=pass_on, daemon=True).start()
    return stopped


def main() -> None:
    """Run the command line; an error prints its message alone and exits with code 2.

    SIGINT and SIGTERM end it with 130 and 143, whatever a library makes of the interruption.
    """
    stopped = raise_on_signals()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # A terminal without a letter shows another.
            stream.reconfigure(errors="replace")
    try:
        app()
    except BaseException as error:
        if stopped:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            continues = any(name in _CONTINUED for name in sys.argv[1:2])
            kept = " What is finished is kept: the same command continues from there."
            say("Stopped." + kept * continues)
            # An interrupt that passed through a library's own exec() makes Python end by SIGINT
            # whatever the exit code, unless another exec() has ended since.
            exec("")
            sys.exit(128 + stopped[0])
        if isinstance(error, OSError) and not isinstance(error, RncGraphError):
            where = f"{error.filename}: " if error.filename else ""
            error = FileError(f"{where}{error.strerror or error}")
        if not isinstance(error, RncGraphError):
            raise
        say(f"Error: {error}", style="red")
        sys.exit(2)


if __name__ == "__main__":
    main()
