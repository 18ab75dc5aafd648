"""How a stage is optimized, and where it is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import Field, ValidationError
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from typing_extensions import Self

from rnc_graph.errors import BadValueError, UnknownNameError, first_problem
from rnc_graph.settings import Settings

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

ContinuousLoss = Literal["l1", "l2", "huber"]
"""The head's losses of continuous targets; the threshold of "huber" is 1 standard deviation."""

HeadLoss = Literal["l1", "l2", "huber", "cross-entropy"]
"""The head's losses; "cross-entropy" takes class numbers (N, 1)."""

Precision = Literal["32", "bf16-mixed", "16-mixed"]


class StageConfig(Settings):
    """Epochs, batches, and the optimizer of one stage."""

    epochs: int = Field(100, ge=1, le=1_000_000, description="passes over the training set")
    batch_size: int = Field(64, ge=3, description="largest number of samples in a batch")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="sgd has a momentum of 0.9")
    learning_rate: float = Field(
        1e-3, gt=0, allow_inf_nan=False, description="the maximum of the schedule"
    )
    weight_decay: float = Field(
        1e-2, ge=0, allow_inf_nan=False, description="of all parameters, by the optimizer"
    )
    schedule: Literal["one-cycle", "cosine", "constant"] = Field(
        "one-cycle", description="of the learning rate, step by step"
    )
    precision: Precision = Field("32", description="of the encoder; losses are computed in float32")
    patience: int | None = Field(
        None, ge=1, description="epochs without a better validation metric before it stops"
    )

    @classmethod
    def of(cls, config: StageConfig | Mapping[str, Any] | None, argument: str = "config") -> Self:
        """Return a stage's configuration, of one that may have more fields, or of a dict.

        Raises:
            BadValueError: an unknown field or a wrong value of ``argument``.
        """
        if isinstance(config, StageConfig):
            if isinstance(config, FinetuneConfig) and not issubclass(cls, FinetuneConfig):
                raise BadValueError(f"{argument}: expected a StageConfig, got a FinetuneConfig")
            return cls(**config.model_dump(include=set(cls.model_fields)))
        fields = {} if config is None else config
        if not isinstance(fields, Mapping):
            raise BadValueError(
                f"{argument}: expected a StageConfig or a dict of its fields, got {config!r}"
            )
        for name in fields.keys() - cls.model_fields.keys():
            raise UnknownNameError(f"field of {argument}", name, list(cls.model_fields))
        try:
            return cls(**fields)
        except ValidationError as error:
            raise BadValueError(f"{argument}, {first_problem(error)}") from error

    def configure(
        self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]], steps: int
    ) -> Any:
        """Return optimizer and schedule, as Lightning's ``configure_optimizers`` does."""
        optimizer: torch.optim.Optimizer
        rate, decay = self.learning_rate, self.weight_decay
        if self.optimizer == "adamw":
            optimizer = torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=True)
        else:
            optimizer = torch.optim.SGD(parameters, rate, weight_decay=decay, momentum=0.9)
        # Of a single step, the one-cycle policy would take its last rate, which is next to nothing.
        if self.schedule == "constant" or steps == 1:
            return optimizer
        schedule: LRScheduler
        if self.schedule == "cosine":
            schedule = CosineAnnealingLR(optimizer, T_max=steps)
        else:
            rates = [group["lr"] for group in optimizer.param_groups]
            schedule = OneCycleLR(optimizer, rates, total_steps=steps, cycle_momentum=False)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class FinetuneConfig(StageConfig):
    """Of stage 2, where an encoder with good weights may learn later and slower than the head.

    Both keep what it has learned (Kumar et al., "Fine-Tuning can Distort Pretrained Features and
    Underperform Out-of-Distribution", ICLR 2022).
    """

    head_epochs: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="passes in which the head learns alone, on embeddings computed once, before "
        "the encoder learns too",
    )
    encoder_learning_rate: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="of the encoder; null for learning_rate"
    )

    def check_frozen(self) -> None:
        """Raise :class:`BadValueError` for what has no effect on a frozen encoder."""
        if self.head_epochs or self.encoder_learning_rate is not None:
            raise BadValueError(
                "freeze: the head alone learns, so head_epochs and encoder_learning_rate have no "
                "effect"
            )

    def of_head(self) -> StageConfig:
        """Return the configuration of the head's own training, of ``head_epochs`` if there are."""
        fields = self.model_dump(include=set(StageConfig.model_fields))
        return StageConfig(**fields | {"epochs": self.head_epochs or self.epochs})


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class TrainerConfig:
    """Where a stage is computed and what it reports to: nothing here changes the result.

    Args:
        device: a Lightning accelerator: "cpu", "gpu", "auto", ...
        on_epoch: called after each epoch.
        checkpoint: file with the state of an unfinished stage; a stage that finds one resumes from
            it, and ends with the same bits.
        checkpoint_seconds: the least time between two writes of it; 0 writes after each epoch.
        loggers: Lightning loggers. Where a model has several stages, each logs under its
            name: ``pretrain/training_loss``.

    Raises:
        BadValueError: a device with a number, such as "cuda:0", or that is no name, or loggers that
            are none.
    """

    device: str = "cpu"
    on_epoch: Callable[[], None] = _nothing
    checkpoint: Path | None = None
    checkpoint_seconds: float = 60.0
    loggers: tuple[Logger, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.device, str) or ":" in self.device:
            raise BadValueError(
                f"device: expected 'cpu', 'gpu', 'auto' or another accelerator without a number, "
                f"got {self.device!r}; choose a GPU by CUDA_VISIBLE_DEVICES"
            )
        if isinstance(self.checkpoint, str):
            object.__setattr__(self, "checkpoint", Path(self.checkpoint))
        if not isinstance(self.loggers, tuple | list):
            raise BadValueError(
                f"loggers: expected a tuple of Lightning loggers, got a "
                f"{type(self.loggers).__name__}"
            )

    def of_stage(self, stage: str, last: bool = False) -> TrainerConfig:
        """Return the configuration of one of several stages: its own checkpoint file and names."""
        checkpoint, loggers = self.checkpoint, self.loggers
        if checkpoint is not None:
            name = checkpoint.name.removesuffix(".ckpt")
            checkpoint = checkpoint.with_name(f"{name}.{stage}.ckpt")
        if loggers:
            from rnc_graph.training.stage_logger import StageLogger

            loggers = tuple(StageLogger(logger, stage, last) for logger in loggers)
        return replace(self, checkpoint=checkpoint, loggers=loggers)


DEFAULT_TRAINER = TrainerConfig()
"""The CPU; no checkpoint, no loggers."""
