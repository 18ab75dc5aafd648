"""The command line: thin, and quick to answer."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from rnc_graph import __version__
from rnc_graph.errors import RncGraphError

app = typer.Typer(
    name="rnc-graph",
    help="Representations that follow a continuous target, for molecules.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Seeds = Annotated[
    str | None,
    typer.Option(
        help="How many split seeds, from the spec's first on; or by encoder: gin=10,gcn=5. "
        "[default: the spec's]"
    ),
]
Encoders = Annotated[
    str, typer.Option(help="Encoders of the spec, separated by commas, or all of them.")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Parallel processes. [default: one for each core]")
]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder of the results. [default: results/NAME]", file_okay=False),
]
Device = Annotated[str, typer.Option(help="Where to train: cpu, gpu, auto, ...")]


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
    """Hold the commands together."""


@app.command()
def reproduce(
    name: Annotated[str, typer.Argument(help="A shipped experiment, e.g. esol.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Encoders of the experiment, separated by commas, or all. [default: its first]"
        ),
    ] = None,
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Out = None,
    device: Device = "cpu",
) -> None:
    """Make the table of a shipped experiment again."""
    from rnc_graph.experiments import read_spec, shipped_spec

    spec = shipped_spec(name)
    encoder = encoder or next(iter(read_spec(spec).encoders))
    _run(spec, ["reproduce", name], encoder, seeds, jobs, out, device)


@app.command()
def run(
    spec: Annotated[Path, typer.Argument(help="A spec in YAML.")],
    encoder: Encoders = "all",
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Out = None,
    device: Device = "cpu",
) -> None:
    """Run an experiment of your own."""
    _run(spec, ["run", str(spec)], encoder, seeds, jobs, out, device)


def _run(
    spec: Path,
    arguments: list[str],
    encoder: str,
    seeds: str | None,
    jobs: int | None,
    out: Path | None,
    device: str,
) -> None:
    from rnc_graph.experiments import read_spec, run_experiment
    from rnc_graph.experiments.formats import print_tables
    from rnc_graph.experiments.progress import ConsoleProgress

    console = Console()
    chosen = None if encoder == "all" else [name.strip() for name in encoder.split(",")]
    experiment = read_spec(spec, seeds=seeds, encoders=chosen)
    if chosen or arguments[0] == "reproduce":
        arguments += ["--encoder", encoder]
    if seeds is not None:
        arguments += ["--seeds", seeds]
    with ConsoleProgress(Console(stderr=True)) as progress:
        outcome = run_experiment(
            experiment,
            out or Path("results") / experiment.name,
            command=shlex.join(["rnc-graph", *arguments]),
            jobs=jobs or os.cpu_count() or 1,
            device=device,
            progress=progress,
        )
    print_tables(console, experiment, outcome.tables, outcome.molecules.unit)
    written = "\n  ".join(["Written:", *map(str, outcome.files)])
    console.print(written, highlight=False, markup=False, soft_wrap=True)


def _fail(message: str) -> NoReturn:
    console = Console(stderr=True)
    console.print(f"Error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)


def main() -> None:
    """Run the command line; bad input ends it with one message and exit code 2."""
    try:
        app()
    except RncGraphError as error:
        _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")


if __name__ == "__main__":
    main()
