"""The sections of a spec: the two stages, the representation's evaluation, tracking."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from rnc_graph.experiments.spec.component import (
    Augmentation,
    LossComponent,
    Objective,
    is_finished,
)
from rnc_graph.experiments.spec.sources import DataSource, source_name
from rnc_graph.losses import LOSSES
from rnc_graph.settings import Settings
from rnc_graph.training import FinetuneConfig, HeadLoss, StageConfig


def _check_views(objective: LossComponent | None, views: int, info: ValidationInfo) -> None:
    if objective is None or is_finished(info):
        return
    fewest = getattr(LOSSES.get(objective.name), "min_views", 1)
    if views < fewest:
        raise ValueError(f"objective {objective.name!r} needs views of at least {fewest}")


Projection = Annotated[
    int | None,
    Field(
        ge=1,
        le=65_536,
        description="width of a perceptron between embedding and objective, if any",
    ),
]


class PretrainingSpec(StageConfig):
    """Stage 1."""

    data: DataSource | None = Field(
        None, description="another data set to learn from, without the molecules of this one"
    )
    objective: Objective = LossComponent(name="rnc")
    views: int = Field(2, ge=1, le=100, description="V; 1 for no second view")
    augmentation: Augmentation = Field({}, description="strength or options of each, in order")
    projection_dim: Projection = None

    @model_validator(mode="after")
    def _views_suffice(self, info: ValidationInfo) -> PretrainingSpec:
        _check_views(self.objective, self.views, info)
        return self


class RegressionSpec(FinetuneConfig):
    """Stage 2; without a stage 1 before it, plain supervised training."""

    head_loss: HeadLoss = "l1"
    freeze: bool = Field(False, description="train the head alone, on embeddings computed once")
    head_hidden: list[Annotated[int, Field(gt=0, le=4096)]] = Field(
        [], max_length=10, description="widths of the head's hidden layers"
    )
    head_dropout: float = Field(0.0, ge=0, lt=1)
    balanced: bool = Field(
        False,
        description="class-balanced batches, for targets that are classes",
    )
    views: int = Field(1, ge=1, le=100, description="V")
    augmentation: Augmentation = Field({}, description="strength or options of each, in order")
    objective: Objective | None = Field(
        None, description="joint training: added to the head's loss"
    )
    objective_weight: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="what the objective is multiplied by"
    )
    projection_dim: Projection = None

    @model_validator(mode="after")
    def _frozen_has_no_views(self, info: ValidationInfo) -> RegressionSpec:
        _check_views(self.objective, self.views, info)
        if self.projection_dim and not self.objective:
            raise ValueError("projection_dim without an objective has nothing to project for")
        if self.objective_weight != 1 and not self.objective:
            raise ValueError("objective_weight without an objective has nothing to weigh")
        if self.freeze and (self.objective or self.augmentation or self.views != 1):
            raise ValueError(
                "freeze: the embeddings of a frozen encoder are computed once, so views, "
                "augmentation and objective have no effect"
            )
        if self.freeze:
            self.check_frozen()
        return self


Stage = PretrainingSpec | RegressionSpec


class RepresentationSpec(Settings):
    """Evaluate the embedding of each method, too."""

    ood: DataSource | None = Field(None, description="out-of-distribution data set to detect")
    tolerance: float = Field(
        0.25,
        gt=0,
        allow_inf_nan=False,
        description="label distance that retrieval counts as a hit, standardized",
    )

    def identity(self) -> dict[str, Any]:
        """Return what the metrics depend on; the out-of-distribution set by its name.

        A run identifies the content of that set itself.
        """
        return {**self.model_dump(exclude={"ood"}), "outside": self.ood_name or None}

    @property
    def ood_name(self) -> str:
        """The name of the out-of-distribution data set, "" for none."""
        return "" if self.ood is None else source_name(self.ood)


def _by_name(loggers: Any) -> Any:
    return {name: {} for name in loggers} if isinstance(loggers, list) else loggers


Tracking = Annotated[
    dict[Literal["tensorboard", "wandb", "mlflow"], dict[str, Any]], BeforeValidator(_by_name)
]
"""Options of Lightning's loggers, by name."""
