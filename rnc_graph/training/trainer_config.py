"""Where and how a stage is computed: nothing in it changes what is learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch.loggers import Logger


def _nobody() -> None:
    """Hear nothing."""


@dataclass(frozen=True)
class TrainerConfig:
    """Where and how a stage is computed.

    Attributes:
        device: a Lightning accelerator: "cpu", "gpu", "auto", ...
        on_epoch: called after each epoch.
        checkpoint: file that keeps the state of an unfinished stage; a stage that finds one goes
            on from there, to the same bits.
        checkpoint_seconds: the least time between two writings of it; 0 writes after each epoch.
        loggers: who else is told of each epoch.
    """

    device: str = "cpu"
    on_epoch: Callable[[], None] = _nobody
    checkpoint: Path | None = None
    checkpoint_seconds: float = 60.0
    loggers: tuple[Logger, ...] = ()


DEFAULT_TRAINER = TrainerConfig()
"""On this machine's processor, silently, from the beginning."""
