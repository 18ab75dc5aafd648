"""The finished runs of an experiment, read from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from rnc_graph.data.table import Table
from rnc_graph.errors import BadValueError, FileError, MissingFileError
from rnc_graph.experiments.datasets import Datasets, load_datasets
from rnc_graph.experiments.identity import FORMAT
from rnc_graph.experiments.own_graphs import GraphTable
from rnc_graph.experiments.plan import PlannedRun, RunName
from rnc_graph.experiments.spec import Experiment, read_spec
from rnc_graph.experiments.store import Store, digest, read_sealed, sealed_text
from rnc_graph.experiments.tasks import needs
from rnc_graph.files import write_text
from rnc_graph.plugins import Plugin, read_plugin

if TYPE_CHECKING:
    from rnc_graph.metrics import Scoring

# The list of an experiment's runs, in its folder.
RUNS = "runs.json"


@dataclass(frozen=True)
class FinishedRun(RunName):
    """A run with its entry in the store.

    Attributes:
        key: of its entry.
        pretraining: key of its stage 1, if it has one.
        record: metrics and history.
        tensors: predictions and the embedding.
    """

    key: str
    pretraining: str | None
    record: dict[str, Any]
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class Outcome:
    """A finished experiment: all that tables, figures and reports are made of.

    Attributes:
        experiment: the grid.
        datasets: its data.
        runs: all of its runs.
        store: where they are kept.
    """

    experiment: Experiment
    datasets: Datasets
    runs: Sequence[FinishedRun]
    store: Store

    @property
    def tables(self) -> Mapping[str, Table]:
        """The data sets' tables, by name."""
        return self.datasets.tables

    def pretraining_history(self, run: FinishedRun) -> list[dict[str, float]]:
        """Return the values of stage 1 by epoch; empty without a stage 1 or without its record."""
        if run.pretraining is None or not self.store.has(run.pretraining):
            return []
        return list(self.store.record(run.pretraining)["history"])


def scoring_of(table: Table) -> Scoring:
    """Return what predictions for a data set are scored by."""
    from rnc_graph.metrics import CLASSIFICATION, REGRESSION

    return CLASSIFICATION if table.classes else REGRESSION


def evaluated_sets(experiment: Experiment) -> tuple[str, ...]:
    """Return the sets that were evaluated, the one that methods are compared on first."""
    return ("validation",) if experiment.evaluate == "validation" else ("test", "validation")


def finished(
    experiment: Experiment,
    datasets: Datasets,
    planned: Sequence[PlannedRun],
    folder: Path,
    plugins: Sequence[Plugin] = (),
) -> Outcome:
    """Read the planned runs from the folder's store, which holds all of them, and list them there.

    The list, ``runs.json``, is what :func:`open_outcome` needs to find them again.
    """
    lines = []
    for run in planned:
        stage1 = needs(run.task)
        point = [run.data, run.split, run.encoder, run.method, run.seed]
        lines.append([*point, run.task.key, stage1.key if stage1 else None])
    tables = datasets.tables
    content = {
        "format": FORMAT,
        "spec": _spec_digest(experiment),
        "data": {name: loaded.digest for name, loaded in datasets.sets.items()},
        # Their module is not imported again.
        "graphs": {n: t.as_json() for n, t in tables.items() if isinstance(t, GraphTable)},
        "plugins": {str(plugin.path): plugin.record.sha256 for plugin in plugins},
        # Nor are plugins, which may have registered a splitter.
        "by_seed": {name: split.by_seed for name, split in experiment.splits.items()},
        "runs": lines,
    }
    write_text(folder / RUNS, sealed_text(content, RUNS))
    return _outcome(experiment, datasets, lines, Store(folder / "store"))


def open_outcome(folder: Path) -> Outcome:
    """Open a finished experiment; no plugin and no module of the spec is imported.

    Raises:
        RncGraphError: runs are missing, or the spec, a plugin or the data have changed since.
    """
    experiment = read_spec(folder / "spec.yaml", finished=True)
    content = read_sealed(folder / RUNS, RUNS)
    if (content["format"], content["spec"]) != (FORMAT, _spec_digest(experiment)):
        raise BadValueError(
            f"{folder / 'spec.yaml'}: has changed since the runs; run the experiment again"
        )
    for name, sha256 in content.get("plugins", {}).items():  # Older lists have none.
        with suppress(FileError):  # Reports are written without the plugins, too.
            if read_plugin(Path(name)).record.sha256 != sha256:
                raise BadValueError(
                    f"plugin {name}: has changed since the runs; run the experiment again (a path "
                    f"in {folder / 'spec.yaml'} is relative to the folder in which it was run)"
                )
    for name, by_seed in content.get("by_seed", {}).items():
        experiment.splits[name].remember(by_seed)
    store = Store(folder / "store")
    missing = {line[5] for line in content["runs"]} - store.keys()
    if missing:
        raise MissingFileError(
            f"{folder}: {len(missing)} runs are missing; finish the experiment with `rnc-graph run`"
        )
    try:
        datasets = load_datasets(experiment, graphs=content["graphs"])
    except MissingFileError as error:
        raise MissingFileError(
            f"{error}; a path in {folder / 'spec.yaml'} is relative to the folder in which the "
            "experiment was run"
        ) from error
    for name, loaded in datasets.sets.items():
        if name not in content["graphs"] and loaded.digest != content["data"][name]:
            raise BadValueError(
                f"{folder}: data set {name!r} has changed since the runs; run the experiment again"
            )
    return _outcome(experiment, datasets, content["runs"], store)


def _outcome(
    experiment: Experiment, datasets: Datasets, lines: Sequence[list[Any]], store: Store
) -> Outcome:
    # Some runs share an entry, which is read once.
    entries = {key: (store.record(key), store.tensors(key)) for key in {line[5] for line in lines}}
    runs = [FinishedRun(*[*line, *entries[line[5]]]) for line in lines]
    return Outcome(experiment, datasets, runs, store)


def _spec_digest(experiment: Experiment) -> str:
    return digest(experiment.model_dump(mode="json"))
