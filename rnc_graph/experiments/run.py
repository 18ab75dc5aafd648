"""One call from a spec to its finished runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rnc_graph.data import MoleculeTable
from rnc_graph.experiments.checks import check_before_training, check_devices, check_methods
from rnc_graph.experiments.datasets import Datasets, load_datasets
from rnc_graph.experiments.executors.executor import Executor, Work
from rnc_graph.experiments.executors.launched import LaunchedExecutor, follow
from rnc_graph.experiments.executors.processes import LocalExecutor, SharedExecutor
from rnc_graph.experiments.executors.schedule import missing_tasks, run_tasks
from rnc_graph.experiments.own_graphs import find_local_modules
from rnc_graph.experiments.plan import PlannedRun, plan, with_pretraining
from rnc_graph.experiments.progress import Progress
from rnc_graph.experiments.results import Outcome, finished
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.store import Store, locked
from rnc_graph.experiments.tasks import Resources, Task
from rnc_graph.files import remove_leftovers
from rnc_graph.plugins import Plugin, load_plugins
from rnc_graph.training.distributed import launched


@dataclass(frozen=True)
class ExecutionConfig:
    """Where an experiment is computed; its results do not depend on it.

    Attributes:
        jobs: parallel processes, each with a task of its own.
        device: a Lightning accelerator.
        ray: address of a Ray cluster to compute on in place of processes here.
        processes: how many processes share each task, one after another (DDP); results are those
            of one process but for rounding.
    """

    jobs: int = 1
    device: str = "cpu"
    ray: str | None = None
    processes: int = 1


DEFAULT_EXECUTION = ExecutionConfig()


@dataclass(frozen=True)
class ExperimentSetup:
    """An experiment whose data are loaded and whose runs are planned."""

    experiment: Experiment
    datasets: Datasets
    plugins: tuple[Plugin, ...]
    planned: list[PlannedRun]
    tasks: dict[str, Task]

    def work(self, device: str, store: Store) -> Work:
        """Return what any process needs for the tasks; loggers write beside the store."""
        return Work(
            Resources(self.datasets.inputs(), device, self.datasets.ood_stores()),
            store,
            self.plugins,
            checkpoints=store.checkpoints.absolute(),
            tracking=self.experiment.tracking,
            tracking_folder=store.folder.absolute().with_name("tracking"),
        )


def setup_experiment(experiment: Experiment, progress: Progress | None = None) -> ExperimentSetup:
    """Load the data and plan the runs; ``progress`` is notified of samples that are left out.

    Raises:
        RncGraphError: bad data.
    """
    progress = progress or Progress()
    # Loaded as they are now: runs are named after what the workers get.
    plugins = load_plugins(experiment.plugins)
    find_local_modules()
    datasets = load_datasets(experiment, progress.decoded)
    for loaded in datasets.sets.values():
        if loaded.skipped:
            progress.say(f"{loaded.skipped}\nthey are left out")
        if isinstance(loaded.table, MoleculeTable):
            for note in loaded.table.bound_notes():
                progress.say(f"{loaded.table.name}: {note}")
    planned = plan(experiment, datasets)
    return ExperimentSetup(experiment, datasets, plugins, planned, with_pretraining(planned))


def run_experiment(
    experiment: Experiment,
    folder: Path,
    *,
    execution: ExecutionConfig = DEFAULT_EXECUTION,
    progress: Progress | None = None,
) -> Outcome:
    """Do the runs that the folder's store lacks, and return all of them.

    Args:
        experiment: the grid.
        folder: its ``store`` keeps finished runs, so that a second call, or one after a kill, does
            what is missing and no more.
        execution: where it is computed.
        progress: notified of each step.

    Raises:
        RncGraphError: bad data, too few molecules to split, a device or a folder that cannot be
            used, tasks that failed, or a process that died.
    """
    progress = progress or Progress()
    setup = setup_experiment(experiment, progress)
    check_devices(experiment, execution.device)
    if experiment.tracking:
        from rnc_graph.experiments.tracking import check_tracking

        check_tracking(experiment.tracking)
    store = Store(folder / "store")
    work = setup.work(execution.device, store)
    check_methods(experiment, setup.datasets)
    check_before_training(experiment, work.resources, setup.tasks.values())
    with locked(store.folder):
        remove_leftovers(folder)
        damaged = store.discard_damaged(setup.tasks, progress.say)
        missing = missing_tasks(setup.tasks, store.keys(), damaged)
        progress.start(missing, done=len(setup.tasks) - len(missing))
        # The other launched processes wait for a task, or for the end.
        if missing or launched():
            with open_executor(execution, work, len(missing)) as executor:
                run_tasks(missing, executor, progress)
        return finished(experiment, setup.datasets, setup.planned, folder, setup.plugins)


def follow_experiment(experiment: Experiment, folder: Path, *, device: str) -> None:
    """Do the share of a process that ``torchrun`` started next to the one that runs the experiment.

    Arguments are those of the first process. Raises :class:`RncGraphError` for bad data, or if a
    task failed.
    """
    check_devices(experiment, device)
    follow(setup_experiment(experiment).work(device, Store(folder / "store")))


def open_executor(execution: ExecutionConfig, work: Work, tasks: int) -> Executor:
    """Return the executor for a number of tasks, to be entered."""
    if launched():
        return LaunchedExecutor(work)
    if execution.ray is not None:
        from rnc_graph.experiments.executors.ray_cluster import RayExecutor

        return RayExecutor(work, execution.ray)
    if execution.processes > 1:
        return SharedExecutor(work, execution.processes)
    return LocalExecutor(work, min(execution.jobs, tasks))
