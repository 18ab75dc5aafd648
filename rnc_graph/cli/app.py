"""The Typer application, its error handling, and options that several commands share."""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from rnc_graph import __version__
from rnc_graph.errors import RncGraphError

app = typer.Typer(
    name="rnc-graph",
    help="Representations that follow a continuous target, for molecules and images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Device = Annotated[str, typer.Option(help="Where to train: cpu, gpu, auto, ...")]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Parallel processes. [default: one for each core]")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnc-graph {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Group the commands."""


def say(message: str, style: str | None = None) -> None:
    """Print a message to stderr, without markup or line breaks."""
    console = Console(stderr=True, emoji=False)
    console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)


def _fail(message: str) -> NoReturn:
    say(f"Error: {message}", style="red")
    sys.exit(2)


def main() -> None:
    """Run the command line; an error prints its message alone and exits with code 2.

    SIGINT and SIGTERM end it with 130 and 143, whatever a library makes of the interruption.
    """
    stopped: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # A terminal without a letter shows another.
            stream.reconfigure(errors="replace")
    try:
        app()
    except BaseException as error:
        if stopped:
            say("Stopped. Finished work is kept; run the same command again to continue.")
            # An interrupt that passed through a library's own exec() makes Python end by SIGINT
            # whatever the exit code, unless another exec() has ended since.
            exec("")
            sys.exit(128 + stopped[0])
        if isinstance(error, RncGraphError):
            _fail(str(error))
        if isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}")
        raise
