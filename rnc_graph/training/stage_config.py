"""How a stage is optimized: the settings that both stages share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from rnc_graph.errors import BadValueError

Precision = Literal["32", "bf16-mixed", "16-mixed"]


class StageConfig(BaseModel):
    """Epochs, batches, and the optimizer of one stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(100, ge=1, description="passes over the training set")
    batch_size: int = Field(64, ge=3, description="largest number of samples in a batch")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(
        1e-3, gt=0, allow_inf_nan=False, description="the maximum of the schedule"
    )
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False)
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    precision: Precision = Field("32", description="of the encoder; losses are computed in float32")
    patience: int | None = Field(
        None, ge=1, description="epochs without a better validation metric before it stops"
    )

    @classmethod
    def of(cls, config: StageConfig | Mapping[str, Any]) -> StageConfig:
        """Return a stage's configuration, or make it of a dict of its fields.

        Raises:
            RncGraphError: an unknown field, or a wrong value.
        """
        if isinstance(config, StageConfig):
            return config
        try:
            return cls(**config)
        except ValidationError as error:
            problem = error.errors()[0]
            field = ".".join(map(str, problem["loc"]))
            raise BadValueError(
                f"stage, {field}: {problem['msg']}, got {problem['input']!r}"
            ) from error

    def plain(self) -> dict[str, Any]:
        """Return the fields as a dict, without those that a subclass adds."""
        return self.model_dump(include=set(StageConfig.model_fields))

    def configure(self, parameters: Iterable[nn.Parameter], steps: int) -> Any:
        """Return optimizer and schedule, as Lightning's ``configure_optimizers`` does."""
        optimizer: torch.optim.Optimizer
        if self.optimizer == "adamw":
            optimizer = torch.optim.AdamW(
                parameters, lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
            )
        else:
            optimizer = torch.optim.SGD(
                parameters, lr=self.learning_rate, weight_decay=self.weight_decay, momentum=0.9
            )
        if self.schedule == "constant":
            return optimizer
        schedule: LRScheduler
        if self.schedule == "cosine":
            schedule = CosineAnnealingLR(optimizer, T_max=steps)
        else:
            schedule = OneCycleLR(
                optimizer, max_lr=self.learning_rate, total_steps=steps, cycle_momentum=False
            )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
