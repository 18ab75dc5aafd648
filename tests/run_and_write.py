"""An experiment as the command line runs it: its runs, then its tables and files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from rnc_graph.cli import app
from rnc_graph.experiments import Experiment, Outcome, run_experiment
from rnc_graph.reporting.experiment_folder import write_experiment, write_texts
from rnc_graph.reporting.provenance import PROVENANCE
from rnc_graph.reporting.tables import ResultTable, tabulate


@dataclass
class Written:
    outcome: Outcome
    tables: list[ResultTable]


def run_and_write(
    experiment: Experiment,
    folder: Path,
    command: str = "test",
    *,
    figures: bool = False,
    **options: Any,
) -> Written:
    """Run an experiment and write its files; figures take longest, and only some tests look."""
    outcome = run_experiment(experiment, folder, **options)
    tables = tabulate(outcome)
    (write_experiment if figures else write_texts)(folder, outcome, tables, command)
    return Written(outcome, tables)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder but the lock and the one that says how long it took."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    compared = [path for path in paths if path.name not in (".lock", PROVENANCE)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in compared}


def command_line(*arguments: str) -> str:
    """Return what a command prints, run in this process."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
