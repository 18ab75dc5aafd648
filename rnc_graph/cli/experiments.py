"""Experiments: a grid of runs, and the tables, figures and reports that come of it."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from rnc_graph.cli.app import Device, Jobs, command, console, say, say_all, say_written, workers
from rnc_graph.errors import BadValueError
from rnc_graph.plugins import no_exit

if TYPE_CHECKING:
    from rnc_graph.experiments import ExecutionConfig, Experiment

Seeds = Annotated[
    str | None,
    Option(
        help="How many split seeds, from the spec's first on; or by encoder: gin=10,gcn=5. "
        "[default: the spec's]"
    ),
]
Out = Annotated[
    Path | None,
    Option(
        help="Folder of the results. [default: results/local/NAME, with --quick "
        "results/quick/NAME]",
        file_okay=False,
    ),
]
Quick = Annotated[
    bool,
    Option("--quick", help="Try a spec out: 150 samples or 40 image files of 8 pixels, 2 epochs."),
]
DryRun = Annotated[
    bool, Option("--dry-run", help="Only list the runs, what is done, and an estimate of time.")
]
Ray = Annotated[
    str | None, Option(metavar="ADDRESS", help="Compute on a Ray cluster: its address, or auto.")
]
Processes = Annotated[
    int,
    Option(min=1, help="Processes that share each run (DDP), one a device; runs go one by one."),
]


@command()
def reproduce(
    name: Annotated[str, Argument(help="A shipped experiment, e.g. esol.")],
    encoder: Annotated[
        str | None,
        Option(help="Encoders, separated by commas, or all. [default: its first]"),
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
    from rnc_graph.experiments import ExecutionConfig, example_spec, read_spec

    spec = example_spec(name)
    encoder = encoder or next(iter(read_spec(spec).encoders))
    made_by = ["reproduce", name, "--encoder", encoder]
    execution = ExecutionConfig(workers(jobs), device, ray, processes)
    _run(spec, made_by, encoder, seeds, out, quick, dry_run, execution)


@command()
def run(
    spec: Annotated[Path, Argument(help="A spec in YAML, or the name of a shipped one.")],
    encoder: Annotated[
        str, Option(help="Encoders of the spec, separated by commas, or all of them.")
    ] = "all",
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Out = None,
    device: Device = "cpu",
    quick: Quick = False,
    dry_run: DryRun = False,
    ray: Ray = None,
    processes: Processes = 1,
) -> None:
    """Run an experiment, or what is missing of it."""
    from rnc_graph.experiments import ExecutionConfig, example_spec

    if not spec.is_file() and spec.name == str(spec) and not spec.suffix:
        spec = example_spec(spec.name)
    made_by = ["run", str(spec), *(["--encoder", encoder] if encoder != "all" else [])]
    execution = ExecutionConfig(workers(jobs), device, ray, processes)
    _run(spec, made_by, encoder, seeds, out, quick, dry_run, execution)


@command()
def example(
    name: Annotated[str, Argument(help="A shipped experiment, e.g. esol.")],
    out: Annotated[
        Path | None, Option(help="The file. [default: NAME.yaml]", dir_okay=False)
    ] = None,
) -> None:
    """Copy a shipped spec, to change it and run it."""
    from rnc_graph.experiments import example_spec
    from rnc_graph.files import write_text

    spec, path = example_spec(name), out or Path(f"{name}.yaml")
    if path.exists():
        raise BadValueError(f"{path}: exists; name another file with --out")
    write_text(path, spec.read_text(encoding="utf-8"))
    say(f"Written: {path}; now: rnc-graph run {path}")


@no_exit()
def _run(
    spec: Path,
    made_by: list[str],
    encoder: str,
    seeds: str | None,
    out: Path | None,
    quick: bool,
    dry_run: bool,
    execution: ExecutionConfig,
) -> None:
    from rnc_graph.experiments import run_experiment
    from rnc_graph.experiments.executors.launched import is_first
    from rnc_graph.experiments.run import follow_experiment
    from rnc_graph.reporting.console import print_forecast, print_tables
    from rnc_graph.training.distributed import launched

    if launched() and (execution.ray is not None or execution.processes > 1):
        raise BadValueError(
            "torchrun shares each run among the processes that it started: expected neither --ray "
            "nor --processes"
        )
    chosen = None if encoder == "all" else [name.strip() for name in encoder.split(",")]
    experiment, folder = _read(spec, seeds, chosen, quick)
    folder = out or folder
    if not is_first():
        if not dry_run:
            follow_experiment(experiment, folder, device=execution.device)
        return
    if dry_run:
        from rnc_graph.experiments.forecast import forecast

        print_forecast(console(), forecast(experiment, folder, execution))
        return
    from rnc_graph.cli.experiment_bar import ExperimentBar
    from rnc_graph.reporting.experiment_folder import (
        DRAWN,
        check_folder,
        earlier_files,
        write_experiment,
    )
    from rnc_graph.reporting.provenance import PROVENANCE, write_provenance
    from rnc_graph.reporting.tables import tabulate

    check_folder(folder, spec)
    options = ["--seeds", seeds] if seeds is not None else []
    again = shlex.join(["rnc-graph", *made_by, *options, *["--quick"] * quick])
    begun, progress = time.perf_counter(), ExperimentBar(console(stderr=True))
    files = []
    try:
        with progress:
            outcome = run_experiment(experiment, folder, execution=execution, progress=progress)
    finally:  # An interrupted call has taken time too.
        if progress.done:
            files.append(write_provenance(folder, again, time.perf_counter() - begun))
    tables = tabulate(outcome)
    if not files and not (folder / PROVENANCE).exists():
        # The call that trained was killed after its last run.
        files.append(write_provenance(folder, again, time.perf_counter() - begun))
    table = folder / "table.json"
    before = table.read_bytes() if table.exists() else None
    files = [*write_experiment(folder, outcome, tables, again), *files]
    print_tables(console(), outcome, tables)
    say_written(files, stderr=False)
    if before not in (None, table.read_bytes()) and (earlier := earlier_files(folder, files)):
        names = ", ".join(path.name for path in earlier)
        anew = shlex.join(["rnc-graph", "report", str(folder)])
        say(f"{folder}: the tables have changed; of the earlier ones: {names} (again: {anew})")
    if len(tables) > DRAWN:
        draw_all = shlex.join(["rnc-graph", "report", str(folder), "--figures"])
        say(f"Figures are of the first {DRAWN} of {len(tables)} tables; for all: {draw_all}")


def _read(
    spec: Path, seeds: str | None, encoders: list[str] | None, quick: bool
) -> tuple[Experiment, Path]:
    """Read a spec, and return its experiment with the default folder of its results."""
    from rnc_graph.experiments import read_spec
    from rnc_graph.experiments.spec.quick import quick as made_quick

    experiment = read_spec(spec, seeds=seeds, encoders=encoders)
    for path in experiment.plugins:
        say(f"Plugin: {path} was run")
    if quick:
        return made_quick(experiment), Path("results", "quick", experiment.name)
    return experiment, Path("results", "local", experiment.name)


@command()
def report(
    folder: Annotated[Path, Argument(help="Folder of an experiment's results.")],
    maps: Annotated[
        str, Option(help="How embeddings are drawn in two dimensions: pca, tsne or umap.")
    ] = "pca",
    figures: Annotated[
        bool, Option("--figures", help="Draw the figures of every table too, as pictures.")
    ] = False,
) -> None:
    """Write a page to look at results offline, and files for a paper."""
    from rnc_graph.reporting.report import write_report

    say_written(write_report(folder, maps=maps, every_figure=figures), stderr=False)


@command()
def tune(
    spec: Annotated[Path, Argument(help="A spec in YAML with a section `search`.")],
    trials: Annotated[
        int | None, Option(min=1, help="How many in all. [default: the spec's]")
    ] = None,
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Annotated[
        Path | None, Option(help="Folder. [default: results/local/NAME-search]", file_okay=False)
    ] = None,
    device: Device = "cpu",
    quick: Quick = False,
) -> None:
    """Search a method's settings on validation sets. A second call continues the search."""
    from rnc_graph.experiments import ExecutionConfig
    from rnc_graph.experiments.search import search
    from rnc_graph.reporting.console import print_search
    from rnc_graph.training.distributed import launched

    if launched():
        raise BadValueError("a search runs in processes of its own: start it without torchrun")
    with no_exit():
        experiment, folder = _read(spec, seeds, None, quick)
        outcome = search(
            experiment,
            out or folder.with_name(f"{folder.name}-search"),
            trials=trials,
            execution=ExecutionConfig(workers(jobs), device),
            say=say,
        )
    print_search(console(), outcome)
    say_all(outcome.notes)
    say_written(outcome.files, stderr=False)
