"""The Typer application, its error handling, and options that several commands share."""

from __future__ import annotations

import sys
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


# Typer's exit code after Ctrl-C.
_INTERRUPTED = 130


def say(message: str) -> None:
    """Print a message to stderr, without markup or line breaks."""
    Console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)


def _fail(message: str) -> NoReturn:
    console = Console(stderr=True)
    console.print(f"Error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)


def main() -> None:
    """Run the command line; an error prints its message alone and exits with code 2."""
    try:
        app()
    except RncGraphError as error:
        _fail(str(error))
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            say("Stopped. Finished work is kept; run the same command again to continue.")
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
