"""Experiments: a grid of runs, and the tables, figures and reports that come of it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rnc_graph.cli.app import Device, Jobs, app, say
from rnc_graph.cli.bars import ExperimentBar
from rnc_graph.errors import BadValueError

if TYPE_CHECKING:
    from rnc_graph.experiments import ExecutionConfig, Experiment

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
    typer.Option(
        help="Folder of the results. [default: results/NAME, with --quick results/quick/NAME]",
        file_okay=False,
    ),
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick", help="150 samples, images of 64 pixels and 2 epochs a stage: to try a spec out."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only list the runs, what is done, and an estimate of time."),
]
Ray = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Compute on a Ray cluster: its address, or auto."),
]
Processes = Annotated[
    int,
    typer.Option(
        min=1, help="Processes that share each run (DDP), one on each device; runs go one by one."
    ),
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
    quick: Quick = False,
    dry_run: DryRun = False,
    ray: Ray = None,
    processes: Processes = 1,
) -> None:
    """Make the table of a shipped experiment again."""
    from rnc_graph.experiments import ExecutionConfig, read_spec, shipped_spec

    spec = shipped_spec(name)
    encoder = encoder or next(iter(read_spec(spec).encoders))
    execution = ExecutionConfig(jobs or os.cpu_count() or 1, device, ray, processes)
    _run(spec, ["reproduce", name], encoder, seeds, out, quick, dry_run, execution)


@app.command()
def run(
    spec: Annotated[Path, typer.Argument(help="A spec in YAML.")],
    encoder: Encoders = "all",
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Out = None,
    device: Device = "cpu",
    quick: Quick = False,
    dry_run: DryRun = False,
    ray: Ray = None,
    processes: Processes = 1,
) -> None:
    """Run an experiment of your own; a second call does only what is missing."""
    from rnc_graph.experiments import ExecutionConfig

    execution = ExecutionConfig(jobs or os.cpu_count() or 1, device, ray, processes)
    _run(spec, ["run", str(spec)], encoder, seeds, out, quick, dry_run, execution)


def _run(
    spec: Path,
    arguments: list[str],
    encoder: str,
    seeds: str | None,
    out: Path | None,
    quick: bool,
    dry_run: bool,
    execution: ExecutionConfig,
) -> None:
    from rnc_graph.experiments import read_spec, run_experiment
    from rnc_graph.experiments.executors.launched import is_first, launched
    from rnc_graph.experiments.run import follow_experiment
    from rnc_graph.experiments.spec.quick import quick as made_quick
    from rnc_graph.reporting.console import print_forecast, print_tables
    from rnc_graph.reporting.experiment_folder import write_experiment
    from rnc_graph.reporting.tables import tabulate

    if launched() and (execution.ray is not None or execution.processes > 1):
        raise BadValueError(
            "torchrun shares each run among the processes that it started: --ray and --processes "
            "have no place beside it"
        )
    console = Console()
    chosen = None if encoder == "all" else [name.strip() for name in encoder.split(",")]
    experiment = read_spec(spec, seeds=seeds, encoders=chosen)
    _name_plugins(experiment)
    if chosen or arguments[0] == "reproduce":
        arguments += ["--encoder", encoder]
    if seeds is not None:
        arguments += ["--seeds", seeds]
    folder = out or Path("results") / experiment.name
    if quick:
        arguments += ["--quick"]
        experiment = made_quick(experiment)
        folder = out or Path("results") / "quick" / experiment.name
    if not is_first():
        if not dry_run:
            follow_experiment(experiment, folder, device=execution.device)
        return
    if dry_run:
        from rnc_graph.experiments.forecast import forecast

        print_forecast(console, forecast(experiment, folder, execution))
        return
    with ExperimentBar(Console(stderr=True)) as progress:
        outcome = run_experiment(experiment, folder, execution=execution, progress=progress)
    tables = tabulate(outcome)
    command = shlex.join(["rnc-graph", *arguments])
    files = write_experiment(folder, outcome, tables, command)
    print_tables(console, experiment, tables)
    _print_files(console, files)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of an experiment's results.")],
    maps: Annotated[
        str, typer.Option(help="How embeddings are drawn in two dimensions: pca, tsne or umap.")
    ] = "pca",
) -> None:
    """Write report.html, one page to look at the results offline, and figures for a paper."""
    from rnc_graph.reporting.report import write_report

    _print_files(Console(), write_report(folder, maps=maps))


@app.command()
def tune(
    spec: Annotated[Path, typer.Argument(help="A spec in YAML with a section `search`.")],
    trials: Annotated[
        int | None, typer.Option(min=1, help="How many in all. [default: the spec's]")
    ] = None,
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder. [default: results/NAME-search]", file_okay=False)
    ] = None,
    device: Device = "cpu",
    quick: Quick = False,
) -> None:
    """Search a method's settings on validation sets; a second call of the same goes on."""
    from rnc_graph.experiments import ExecutionConfig, read_spec
    from rnc_graph.experiments.executors.launched import launched
    from rnc_graph.experiments.search import search
    from rnc_graph.experiments.spec.quick import quick as made_quick
    from rnc_graph.reporting.console import print_search

    if launched():
        raise BadValueError("a search runs in processes of its own: start it without torchrun")

    experiment = read_spec(spec, seeds=seeds)
    _name_plugins(experiment)
    folder = Path("results") / f"{experiment.name}-search"
    if quick:
        experiment = made_quick(experiment)
        folder = Path("results") / "quick" / folder.name
    folder = out or folder
    console = Console(stderr=True)
    outcome = search(
        experiment,
        folder,
        trials=trials,
        execution=ExecutionConfig(jobs or os.cpu_count() or 1, device),
        say=lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True),
    )
    print_search(Console(), outcome)
    _print_files(Console(), outcome.files)


def _print_files(console: Console, files: list[Path]) -> None:
    written = "\n  ".join(["Written:", *map(str, files)])
    console.print(written, highlight=False, markup=False, soft_wrap=True)


def _name_plugins(experiment: Experiment) -> None:
    """Say which of the user's Python files were run."""
    for path in experiment.plugins:
        say(f"Plugin: {path} was run")
