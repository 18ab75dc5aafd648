"""How a stage is optimized: the settings that both stages share."""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

Precision = Literal["32", "bf16-mixed", "16-mixed"]


class StageConfig(BaseModel):
    """Epochs, batches, and the optimizer of one stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(100, ge=1, description="passes over the training set")
    batch_size: int = Field(64, ge=3, description="largest number of samples in a batch")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(
        1e-3, gt=0, allow_inf_nan=False, description="the largest the schedule reaches"
    )
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False)
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    precision: Precision = Field(
        "32", description="of the encoder; losses are computed in float32 all the same"
    )
    patience: int | None = Field(
        None, ge=1, description="stop after so many epochs without a better validation MAE or error"
    )

    def configure(self, parameters: Iterable[nn.Parameter], steps: int) -> Any:
        """Return what Lightning's ``configure_optimizers`` wants for a stage of so many steps."""
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
