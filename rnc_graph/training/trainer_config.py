"""Where a stage is computed and what it reports to: nothing here changes the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lightning.pytorch.loggers import Logger


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class TrainerConfig:
    """Where a stage is computed and what it reports to.

    Args:
        device: a Lightning accelerator: "cpu", "gpu", "auto", ...
        on_epoch: called after each epoch.
        checkpoint: file with the state of an unfinished stage; a stage that finds one resumes from
            it, and ends with the same bits.
        checkpoint_seconds: the least time between two writes of it; 0 writes after each epoch.
        loggers: Lightning loggers.
    """

    device: str = "cpu"
    on_epoch: Callable[[], None] = _nothing
    checkpoint: Path | None = None
    checkpoint_seconds: float = 60.0
    loggers: tuple[Logger, ...] = ()

    def of_stage(self, stage: str) -> TrainerConfig:
        """Return the configuration with a checkpoint file of one stage."""
        if self.checkpoint is None:
            return self
        return replace(self, checkpoint=self.checkpoint.with_suffix(f".{stage}.ckpt"))


DEFAULT_TRAINER = TrainerConfig()
"""The CPU; no checkpoint, no loggers."""
