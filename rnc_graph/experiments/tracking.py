"""Telling others of a run's epochs: Lightning's loggers, by name, off by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from rnc_graph.errors import RncGraphError

_MODULES = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}


def check_tracking(names: Iterable[str]) -> None:
    """Check that what the loggers need is installed.

    Raises:
        RncGraphError: it is not.
    """
    for name in names:
        if find_spec(_MODULES[name]) is None:
            raise RncGraphError(
                f"tracking: {name} is not installed; pip install 'rnc-graph[{name}]'"
            )


def make_loggers(
    tracking: Mapping[str, Mapping[str, Any]], folder: Path, key: str, label: str
) -> tuple[Logger, ...]:
    """Make the loggers of one task.

    Args:
        tracking: options of Lightning's loggers, by name.
        folder: for loggers that write files.
        key: of the task, which names its records.
        label: the task in words.
    """
    return tuple(
        _make(name, dict(options), folder / name, key, label) for name, options in tracking.items()
    )


def _make(name: str, options: dict[str, Any], folder: Path, key: str, label: str) -> Logger:
    if name == "tensorboard":
        return TensorBoardLogger(folder, name="", version=key, **options)
    folder.mkdir(parents=True, exist_ok=True)
    if name == "wandb":
        # The same id after a restart: one run, not two.
        return WandbLogger(save_dir=folder, id=key, name=label, resume="allow", **options)
    # One database for all: MLflow's folders of files are no longer kept up.
    options = {"tracking_uri": f"sqlite:///{folder.absolute()}/mlflow.db", **options}
    return MLFlowLogger(
        experiment_name=options.pop("experiment_name", "rnc_graph"),
        run_name=f"{label} ({key})",
        **options,
    )
