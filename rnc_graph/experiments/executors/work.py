"""What every process does with a task, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rnc_graph.errors import RncGraphError, RunError, WriteError
from rnc_graph.experiments.grid_point import Record, Resources, Tensors
from rnc_graph.experiments.tasks import BaselineTask, Task
from rnc_graph.experiments.tracking import make_loggers
from rnc_graph.plugins import Plugin
from rnc_graph.training import TrainerConfig


@dataclass(frozen=True)
class TaskOptions:
    """How tasks are computed, beside what they compute.

    Attributes:
        checkpoints: folder for the states of unfinished tasks; None keeps none.
        checkpoint_seconds: the least time between two states.
        tracking: options of loggers, by name.
        tracking_folder: where loggers that write files do so.
    """

    checkpoints: Path | None = None
    checkpoint_seconds: float = 60.0
    tracking: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tracking_folder: Path = Path("tracking")

    def silent(self) -> TaskOptions:
        """Return the same without telling anybody."""
        return replace(self, tracking={})

    def without_states(self) -> TaskOptions:
        """Return the same that keeps no states of unfinished tasks."""
        return replace(self, checkpoints=None)

    def where_seen(self) -> TaskOptions:
        """Return the same without states, where the folder's disk is not to be seen."""
        seen = self.checkpoints is not None and self.checkpoints.parent.is_dir()
        return self if seen else self.without_states()

    def trainer(
        self, key: str, task: Task, device: str, on_epoch: Callable[[], None]
    ) -> TrainerConfig:
        """Return where and how a task is computed."""
        if isinstance(task, BaselineTask):
            return TrainerConfig(device)
        return TrainerConfig(
            device,
            on_epoch,
            self.checkpoints / f"{key}.ckpt" if self.checkpoints else None,
            self.checkpoint_seconds,
            make_loggers(self.tracking, self.tracking_folder, key, task.label),
        )


def prepare_process(plugins: Sequence[Plugin]) -> None:
    """Make a process ready: one thread, so that results do not depend on where it runs."""
    import torch

    # Sums over several threads round by how the work was shared out.
    torch.set_num_threads(1)
    # Denormal numbers slow a processor down many times, and nothing here depends on them.
    torch.set_flush_denormal(True)
    for plugin in plugins:
        plugin.load()


def compute(
    task: Task, at: Resources, stage1: Tensors, trainer: TrainerConfig
) -> tuple[Record, Tensors]:
    """Run a task; an error names it.

    Args:
        task: what to compute.
        at: the data.
        stage1: the tensors of its pretraining; none without one.
        trainer: where and how.

    Raises:
        RncGraphError: it failed.
    """
    try:
        return task.run(at, trainer, stage1)
    except WriteError:
        raise
    except (Exception, SystemExit) as error:
        kind = "" if isinstance(error, RncGraphError) else f"{type(error).__name__}: "
        raise RunError(f"{task.label}, seed {task.cell.seed}: {kind}{error}") from error
