"""One call from a spec to its tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rnc_graph.data import MoleculeData, MoleculeTable, load_dataset, without
from rnc_graph.data.cache import packed_graphs
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.cell import Resources
from rnc_graph.experiments.checks import check_before_training
from rnc_graph.experiments.outputs import write_outputs
from rnc_graph.experiments.plan import plan, with_pretraining
from rnc_graph.experiments.progress import Progress, Silent
from rnc_graph.experiments.results import Table, finished_runs, tabulate
from rnc_graph.experiments.runner import run_tasks
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.store import Store, locked
from rnc_graph.own_modules import read_module
from rnc_graph.training import check_device


@dataclass(frozen=True)
class Outcome:
    """What an experiment ended with."""

    molecules: MoleculeTable
    tables: list[Table]
    files: list[Path]


def run_experiment(
    experiment: Experiment,
    folder: Path,
    *,
    command: str,
    jobs: int = 1,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Outcome:
    """Do the runs that the folder's store lacks, and write tables and figures beside it.

    Args:
        experiment: the grid.
        folder: takes the results; its ``store`` keeps finished runs, so that a second call, or one
            after a kill, does what is missing and no more.
        command: what a reader types to make the results again.
        jobs: parallel processes.
        device: a Lightning accelerator.
        progress: told how it gets on.

    Raises:
        RncGraphError: bad data, too few molecules to split, a device or a folder that cannot be
            used, tasks that failed, or a process that died.
    """
    # Loaded as they are now: runs are named after what the workers get.
    modules = [read_module(path) for path in experiment.modules]
    for module in modules:
        module.load()
    data = MoleculeData.from_table(experiment.table())
    outside = _outside(experiment, data.table)
    planned = plan(experiment, data.table, outside)
    store = Store(folder / "store")
    check_device(device)
    tasks = with_pretraining(planned)
    check_before_training(experiment, data, tasks.values())
    with locked(store.folder):
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink()
        run_tasks(
            tasks,
            Resources(data, store, device, packed_graphs(outside, "outside") if outside else None),
            jobs=jobs,
            modules=modules,
            progress=progress or Silent(),
        )
        runs = finished_runs(planned, store)
        tables = tabulate(experiment, runs)
        files = write_outputs(folder, experiment, data.table, tables, runs, command)
    return Outcome(data.table, tables, files)


def _outside(experiment: Experiment, table: MoleculeTable) -> list[str]:
    """Return the molecules to be told from the data set's: those of another set that it lacks."""
    judged = experiment.representation
    if judged is None or judged.outside is None:
        return []
    outside = without(load_dataset(judged.outside).smiles, table.smiles)
    if len(outside) < 2:
        raise RncGraphError(
            f"representation.outside: {judged.outside!r} has {len(outside)} molecules that the "
            "data set lacks; another set is needed"
        )
    return outside
