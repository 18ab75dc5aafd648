"""The sections of a spec: split, the parts with their options, the two stages."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)
from torch import nn

from rnc_graph.data import LongTail, SplitRecipe
from rnc_graph.data.samples import make_augmentation
from rnc_graph.data.splits import SPLITS
from rnc_graph.errors import BadValueError
from rnc_graph.experiments.spec.section import MisfitError, Section
from rnc_graph.experiments.spec.sources import DataSource, source_name
from rnc_graph.losses import LOSSES
from rnc_graph.registry import Registry
from rnc_graph.training import HeadLoss, StageConfig


class LongTailSpec(Section):
    """A training set thinned until one end of the label is rare; of classes, the last ones.

    Classes are thinned by the rule of CIFAR-LT, whatever ``bins`` and ``tail`` are.
    """

    imbalance: float = Field(gt=1, allow_inf_nan=False, description="head bin over tail bin")
    bins: int = Field(10, ge=2, description="quantile bins of the label")
    tail: Literal["high", "low"] = Field("high", description="the end that becomes rare")
    many: int = Field(
        100, ge=1, description="a bin with more training samples than this is many-shot"
    )
    few: int = Field(20, ge=1, description="a bin with fewer is few-shot; others are medium-shot")

    @model_validator(mode="after")
    def _regions_in_order(self) -> LongTailSpec:
        if self.few > self.many:
            raise ValueError("few must not be greater than many")
        return self

    def thinning(self) -> dict[str, Any]:
        """Return what the training set depends on."""
        return self.model_dump(include={"imbalance", "bins", "tail"})

    def shots(self) -> list[int]:
        """Return what the regions depend on beside it."""
        return [self.many, self.few]


class Part(BaseModel):
    """One part of a registry: its name, and its options as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    def make(self, registry: Registry[Any]) -> Any:
        """Build the part."""
        return registry.make(self.name, **(self.model_extra or {}))

    def identity(self, registry: Registry[Any]) -> dict[str, Any]:
        """Return the name and every option, those left out with their defaults.

        Raises:
            RncGraphError: an option is nothing that a file can hold.
        """
        options = registry.options(self.name, self.model_extra or {})
        for option, value in options.items():
            try:
                json.dumps(value)
            except (TypeError, ValueError):
                raise BadValueError(
                    f"{registry.kind} {self.name!r}, option {option!r}: must be numbers, text, "
                    f"lists or mappings, its default too, found {value!r}"
                ) from None
        return {"name": self.name, **options}


def _objective_can_be_made(part: Part) -> Part:
    part.identity(LOSSES)
    made = part.make(LOSSES)
    if not isinstance(made, nn.Module):
        raise ValueError(f"objective {part.name!r} makes a {type(made).__name__}, no nn.Module")
    return part


def _check_views(objective: Part | None, views: int) -> None:
    fewest = getattr(LOSSES.get(objective.name), "min_views", 1) if objective else 1
    if objective and views < fewest:
        raise ValueError(f"objective {objective.name!r} needs views of at least {fewest}")


def _strength_or_options(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, dict):
        raise ValueError(f"must be a number, or options by name, found {value!r}")
    return value


def _view_can_be_made(options: dict[str, Any]) -> dict[str, Any]:
    make_augmentation(options)
    return options


AxisValue = bool | float | str
"""A place on an axis of a grid."""

Objective = Annotated[Part, AfterValidator(_objective_can_be_made)]
Augmentation = Annotated[
    dict[str, Annotated[Any, AfterValidator(_strength_or_options)]],
    AfterValidator(_view_can_be_made),
]
"""Augmentations by name, each with its strength, or with its options."""


class SplitSpec(Section):
    """How a data set is divided, and what is then done to its parts."""

    train: float = Field(0.8, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.1, ge=0, lt=1)
    splitter: Part | None = Field(
        None,
        description="random, scaffold, ...; none draws rows at random, a molecule's further rows "
        "included, or takes the parts that a set of images comes with",
    )
    unseen: tuple[float, float] | None = Field(
        None, description="quantiles of the label between which only the test set has samples"
    )
    train_size: float = Field(1.0, gt=0, le=1, description="share of the training set kept")
    long_tail: LongTailSpec | None = None
    label_noise: float = Field(
        0.0, ge=0, le=1, description="share of the training labels that change places"
    )
    graph_noise: Augmentation = Field(
        {}, description="what is done to the molecules of the evaluated part, strength of each"
    )
    axes: dict[str, AxisValue] = Field({}, description="where it stands on the axes of a grid")

    @field_validator("splitter")
    @classmethod
    def _splitter_can_be_made(cls, splitter: Part | None) -> Part | None:
        if splitter is not None:
            splitter.identity(SPLITS)
            splitter.make(SPLITS)
        return splitter

    @model_validator(mode="after")
    def _fits(self) -> SplitSpec:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError("train, validation and test must sum to 1")
        if self.unseen is not None and not 0 <= self.unseen[0] < self.unseen[1] <= 1:
            raise MisfitError("must be two rising quantiles from 0 to 1", "unseen")
        return self

    @property
    def by_seed(self) -> bool:
        """Whether the seed draws the parts, or the data decide them."""
        return bool(getattr(self.splitter and self.splitter.make(SPLITS), "by_seed", True))

    def recipe(self) -> SplitRecipe:
        """Return what divides a table."""
        tail = self.long_tail
        return SplitRecipe(
            fractions=(self.train, self.validation, self.test),
            splitter=self.splitter.make(SPLITS) if self.splitter else None,
            unseen=self.unseen,
            train_size=self.train_size,
            long_tail=LongTail(**tail.thinning()) if tail else None,
            label_noise=self.label_noise,
        )

    def learnt_from(self) -> dict[str, Any]:
        """Return what the training depends on."""
        return {
            **self.model_dump(exclude={"long_tail", "graph_noise", "axes", "splitter"}),
            "splitter": self.splitter.identity(SPLITS) if self.splitter else None,
            "long_tail": self.long_tail.thinning() if self.long_tail else None,
        }

    def evaluated_by(self) -> dict[str, Any]:
        """Return what the judgment of a trained model depends on beside it."""
        return {
            "graph_noise": self.graph_noise,
            "shots": self.long_tail.shots() if self.long_tail else None,
        }


class PretrainingSpec(StageConfig):
    """Stage 1."""

    data: DataSource | None = Field(
        None, description="another data set to learn from, without the molecules of this one"
    )
    objective: Objective = Part(name="rnc")
    views: int = Field(2, ge=1, description="V; 1 for no second view")
    augmentation: Augmentation = Field({}, description="strength or options of each, in order")
    projection_dim: int | None = Field(
        None, ge=1, description="width of a perceptron between embedding and objective, if any"
    )

    @model_validator(mode="after")
    def _views_suffice(self) -> PretrainingSpec:
        _check_views(self.objective, self.views)
        return self


class RegressionSpec(StageConfig):
    """Stage 2; without a stage 1 before it, plain supervised training."""

    head_loss: HeadLoss = "l1"
    freeze: bool = Field(False, description="train the head alone, on embeddings computed once")
    head_hidden: list[PositiveInt] = Field([], description="widths of the head's hidden layers")
    head_dropout: float = Field(0.0, ge=0, lt=1)
    balanced: bool = Field(
        False,
        description="draw each class of the training set alike, for targets that are classes",
    )
    views: int = Field(1, ge=1, description="V")
    augmentation: Augmentation = Field({}, description="strength or options of each, in order")
    objective: Objective | None = Field(
        None, description="joint training: added to the head's loss"
    )
    objective_weight: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="what the objective is multiplied by"
    )
    projection_dim: int | None = Field(
        None, ge=1, description="width of a perceptron between embedding and objective, if any"
    )

    @model_validator(mode="after")
    def _frozen_has_no_views(self) -> RegressionSpec:
        _check_views(self.objective, self.views)
        if self.projection_dim and not self.objective:
            raise ValueError("projection_dim without an objective has nothing to project for")
        if self.objective_weight != 1 and not self.objective:
            raise ValueError("objective_weight without an objective has nothing to weigh")
        if self.freeze and (self.objective or self.augmentation or self.views != 1):
            raise ValueError(
                "a frozen encoder's embeddings are computed once: views, augmentation and "
                "objective have no place beside freeze"
            )
        return self


Stage = PretrainingSpec | RegressionSpec


class RepresentationSpec(Section):
    """Judge each method's embedding of the evaluated part, too."""

    outside: DataSource | None = Field(
        None, description="data set whose samples should be told from the training set's"
    )
    tolerance: float = Field(
        0.25,
        gt=0,
        allow_inf_nan=False,
        description="label distance that retrieval counts as a hit, standardized",
    )

    def identity(self) -> dict[str, Any]:
        """Return what the measures depend on beside the samples from outside, which a run names.

        Those are told by name alone, as they were when all had names.
        """
        return {**self.model_dump(exclude={"outside"}), "outside": self.outside_name or None}

    @property
    def outside_name(self) -> str:
        """What the data set from outside is called, "" for none."""
        return "" if self.outside is None else source_name(self.outside)


def _by_name(loggers: Any) -> Any:
    return {name: {} for name in loggers} if isinstance(loggers, list) else loggers


Tracking = Annotated[
    dict[Literal["tensorboard", "wandb", "mlflow"], dict[str, Any]], BeforeValidator(_by_name)
]
"""Who else is told of each epoch: options of Lightning's loggers, by name."""
