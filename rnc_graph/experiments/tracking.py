"""Telling others of a run's epochs: Lightning's loggers, by name, off by default."""

from __future__ import annotations

import fcntl
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from rnc_graph.errors import MissingPackageError, RunError, UnknownNameError

# What each of them imports, and the options that are a run's own.
_MODULES = {
    "tensorboard": ["tensorboard"],
    "wandb": ["wandb"],
    "mlflow": ["mlflow", "sqlalchemy", "alembic"],
}
_OWN_OPTIONS = {
    "tensorboard": ["save_dir", "name", "version"],
    "wandb": ["save_dir", "dir", "id", "version", "name", "resume", "experiment"],
    "mlflow": ["run_id", "run_name", "save_dir"],
}

# The tag by which a task that goes on finds its run again.
_TASK = "rnc_graph.task"


def check_tracking(tracking: Mapping[Any, Mapping[str, Any]]) -> None:
    """Check that what the loggers need is installed, and that they have such options.

    Raises:
        RncGraphError: something is not installed, or no option of a logger's.
    """
    for name, options in tracking.items():
        for module in _MODULES[name]:
            if find_spec(module) is None:
                raise MissingPackageError(
                    f"tracking: {name} needs {module}, which is not installed; "
                    f"pip install 'rnc-graph[{name}]'"
                )
        known = _known_options(name)
        for option in options:
            if option not in known:
                raise UnknownNameError(f"option of tracking.{name}", option, known)


def _known_options(name: str) -> list[str]:
    made_by: list[Callable[..., Any]]
    if name == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter

        made_by = [TensorBoardLogger, SummaryWriter]
    elif name == "wandb":
        import wandb

        made_by = [WandbLogger, wandb.init]
    else:
        made_by = [MLFlowLogger]
    found = {
        parameter.name
        for make in made_by
        for parameter in inspect.signature(make).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return sorted(found - {*_OWN_OPTIONS[name], "log_dir"})


def make_loggers(
    tracking: Mapping[str, Mapping[str, Any]], folder: Path, key: str, label: str
) -> tuple[Logger, ...]:
    """Make the loggers of the task ``key``, which ``label`` says in words.

    Raises:
        RncGraphError: a logger cannot be made.
    """
    made = {"tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}
    loggers: list[Logger] = []
    for name, options in tracking.items():
        try:
            loggers.append(made[name](dict(options), folder / name, key, label))
        except Exception as error:
            raise RunError(f"tracking.{name}: {type(error).__name__}: {error}") from error
    return tuple(loggers)


def _tensorboard(options: dict[str, Any], folder: Path, key: str, label: str) -> Logger:
    return TensorBoardLogger(folder, name="", version=key, **options)


class _OneRunEach(WandbLogger):
    """Ends its run with its task: the next task of the process would log into the same one."""

    def finalize(self, status: str) -> None:
        """Close the run's file."""
        super().finalize(status)
        if self._experiment is not None:
            self._experiment.finish(exit_code=0 if status == "success" else 1)


def _wandb(options: dict[str, Any], folder: Path, key: str, label: str) -> Logger:
    # Its own failures are nobody else's affair.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ.setdefault("WANDB_SILENT", "true")
    folder.mkdir(parents=True, exist_ok=True)
    # The same id after a restart: one run, not two. Offline, its pieces become one when they are
    # sent.
    resume = None if options.get("offline") else "allow"
    return _OneRunEach(save_dir=folder, id=key, name=label, resume=resume, **options)


def _mlflow(options: dict[str, Any], folder: Path, key: str, label: str) -> Logger:
    # Otherwise it tells its makers that it is used.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    folder.mkdir(parents=True, exist_ok=True)
    # One database for all: MLflow's folders of files are no longer kept up. Others that write
    # into it are waited for.
    absolute = folder.absolute()
    uri = options.pop("tracking_uri", None) or f"sqlite:///{absolute}/mlflow.db?timeout=60"
    artifacts = options.pop("artifact_location", None) or (absolute / "artifacts").as_uri()
    experiment = options.pop("experiment_name", "rnc_graph")
    # Tables are made by whoever comes first, and so is the experiment.
    with _alone(folder):
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        known = client.get_experiment_by_name(experiment)
        number = known.experiment_id if known else client.create_experiment(experiment, artifacts)
    begun = client.search_runs([number], f"tags.`{_TASK}` = '{key}'", max_results=1)
    if begun:
        client.update_run(begun[0].info.run_id, "RUNNING")
    return MLFlowLogger(
        experiment_name=experiment,
        run_name=f"{label} ({key})",
        run_id=begun[0].info.run_id if begun else None,
        tracking_uri=uri,
        tags={**options.pop("tags", {}), _TASK: key},
        **options,
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for other processes that are in here with the same folder."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
