"""A logger that tells the stages of one model apart."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers import Logger


class StageLogger(Logger):
    """Passes on what one stage logs, under its name: ``pretrain/training_loss``.

    Args:
        logger: of all stages.
        stage: the name.
        last: whether the logger is done when the stage is.
    """

    def __init__(self, logger: Logger, stage: str, last: bool) -> None:
        super().__init__()
        self.logger, self.stage, self.last = logger, stage, last
        if isinstance(logger, StageLogger):  # The head's own training is a part of a stage.
            self.logger, self.stage = logger.logger, f"{logger.stage}/{stage}"

    @property
    def name(self) -> str | None:
        """That of the logger."""
        return self.logger.name

    @property
    def version(self) -> int | str | None:
        """That of the logger."""
        return self.logger.version

    @property
    def save_dir(self) -> str | None:
        """That of the logger."""
        return self.logger.save_dir

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics under the name of the stage."""
        named = {f"{self.stage}/{key}": value for key, value in metrics.items()}
        self.logger.log_metrics(named, step)

    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Log hyperparameters under the name of the stage."""
        own = vars(params) if isinstance(params, Namespace) else dict(params)
        self.logger.log_hyperparams({self.stage: own}, *args, **kwargs)

    def save(self) -> None:
        """Write what was logged."""
        self.logger.save()

    def finalize(self, status: str) -> None:
        """End the logger after the last stage, or if the stage failed."""
        if self.last or status != "success":
            self.logger.finalize(status)
        else:
            self.save()
