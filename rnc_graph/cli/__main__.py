"""``python -m rnc_graph.cli``: how the command line ends, by an error or by a signal."""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper
from types import FrameType

from rnc_graph.cli import app, say
from rnc_graph.errors import RncGraphError


def main() -> None:
    """Run the command line; an error prints its message alone and exits with code 2.

    SIGINT and SIGTERM end it with 130 and 143, whatever a library makes of the interruption.
    """
    stopped: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        signal.signal(number, stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # A terminal without a letter shows another.
            stream.reconfigure(errors="replace")
    try:
        app()
    except BaseException as error:
        if stopped:
            for number in signals:
                signal.signal(number, signal.SIG_IGN)
            say("Stopped. Finished work is kept; run the same command again to continue.")
            # An interrupt that passed through a library's own exec() makes Python end by SIGINT
            # whatever the exit code, unless another exec() has ended since.
            exec("")
            sys.exit(128 + stopped[0])
        if isinstance(error, OSError) and not isinstance(error, RncGraphError):
            where = f"{error.filename}: " if error.filename else ""
            error = RncGraphError(f"{where}{error.strerror or error}")
        if not isinstance(error, RncGraphError):
            raise
        say(f"Error: {error}", style="red")
        sys.exit(2)


if __name__ == "__main__":
    main()
