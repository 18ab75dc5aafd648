"""Experiments: a grid of runs, and the tables and figures that come of it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rnc_graph.cli.app import Device, Jobs, app

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
Out = Annotated[
    Path | None,
    typer.Option(help="Folder of the results. [default: results/NAME]", file_okay=False),
]


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
