"""What an experiment is: a typed spec, read from YAML and checked to the last key."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from rnc_graph.data import MoleculeTable, load_dataset, read_table
from rnc_graph.data.catalogue import dataset_card
from rnc_graph.data.views import make_view
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.baselines import check_baselines
from rnc_graph.losses import LOSSES
from rnc_graph.registry import Registry
from rnc_graph.training import HeadLoss, Optimisation


class Section(BaseModel):
    """A part of the spec: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvData(Section):
    """A CSV file of the user's own."""

    path: Path = Field(description="from the working directory, unless it begins with /")
    smiles: str = Field("smiles", description="the column of SMILES")
    targets: list[str] = Field(
        min_length=1, max_length=1, description="the column of measured values: one, in a list"
    )
    unit: str = Field("", description="unit of the targets")


class SplitSpec(Section):
    """Shares of a random split by seed."""

    train: float = Field(0.8, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.1, gt=0, lt=1)

    @model_validator(mode="after")
    def _sums_to_one(self) -> SplitSpec:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError("train, validation and test must sum to 1")
        return self


class Part(BaseModel):
    """One part of a registry: its name, and its options as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    def make(self, registry: Registry[Any]) -> Any:
        """Build the part."""
        return registry.make(self.name, **(self.model_extra or {}))


def _objective_can_be_made(part: Part) -> Part:
    part.make(LOSSES)
    return part


def _view_can_be_made(strengths: dict[str, float]) -> dict[str, float]:
    make_view(strengths)
    return strengths


def _listed(seeds: Any) -> Any:
    is_count = isinstance(seeds, int) and not isinstance(seeds, bool)
    return list(range(seeds)) if is_count else seeds


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"a seed stands twice: {seeds}")
    return seeds


Seeds = Annotated[
    list[Annotated[int, Field(ge=0, lt=2**32)]],
    Field(min_length=1),
    BeforeValidator(_listed),
    AfterValidator(_distinct),
]
Objective = Annotated[Part, AfterValidator(_objective_can_be_made)]
Augmentation = Annotated[dict[str, float], AfterValidator(_view_can_be_made)]


class PretrainingSpec(Optimisation):
    """Stage 1."""

    objective: Objective = Part(name="rnc")
    views: int = Field(2, ge=1, description="V; 1 for no second view")
    augmentation: Augmentation = Field({}, description="strength of each, applied in order")
    projection_dim: int | None = Field(
        None, ge=1, description="width of a perceptron between embedding and objective, if any"
    )


class RegressionSpec(Optimisation):
    """Stage 2; without a stage 1 before it, plain supervised training."""

    head_loss: HeadLoss = "l1"
    freeze: bool = Field(False, description="train the head alone, on embeddings computed once")
    head_hidden: list[PositiveInt] = Field([], description="widths of the head's hidden layers")
    head_dropout: float = Field(0.0, ge=0, lt=1)
    views: int = Field(1, ge=1, description="V")
    augmentation: Augmentation = Field({}, description="strength of each, applied in order")
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
        if self.projection_dim and not self.objective:
            raise ValueError("projection_dim without an objective has nothing to project for")
        if self.freeze and (self.objective or self.augmentation or self.views != 1):
            raise ValueError(
                "a frozen encoder's embeddings are computed once: views, augmentation and "
                "objective have no place beside freeze"
            )
        return self


class Method(Section):
    """One row of the table. What it leaves out, it takes from the experiment's two stages."""

    name: str
    pretraining: PretrainingSpec | None
    regression: RegressionSpec

    @model_validator(mode="after")
    def _freezes_something_trained(self) -> Method:
        if self.regression.freeze and self.pretraining is None:
            raise ValueError("freeze without pretraining would freeze a random encoder")
        return self


class Experiment(Section):
    """A grid of runs: encoders x methods x split seeds on one data set.

    A method without stage 1 (``pretraining: null``) that names no epochs of its own is trained for
    the epochs of both stages together, if another method has a stage 1.
    """

    name: str = Field(pattern=r"^\w[\w.-]*$", description="letters, digits, '_', '.', '-'")
    title: str = ""
    data: str | CsvData
    split: SplitSpec = SplitSpec()
    seeds: dict[str, Seeds] = Field(
        description="split seeds by encoder; one list is for all, and a number n is 0 .. n - 1"
    )
    encoders: dict[str, dict[str, Any]] = Field(min_length=1, description="options by name")
    pretraining: PretrainingSpec = PretrainingSpec()
    regression: RegressionSpec = RegressionSpec()
    methods: list[Method] = Field(min_length=1)
    baselines: list[str] = []
    reference: str = Field(description="the method that the others are compared with")
    evaluate: Literal["test", "validation"] = Field(
        "test",
        description="validation leaves the test part untouched, for choosing between methods",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_methods(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        if isinstance(raw.get("seeds"), int | list) and isinstance(raw.get("encoders"), dict):
            raw["seeds"] = dict.fromkeys(raw["encoders"], raw["seeds"])
        if isinstance(raw.get("methods"), list):
            raw["methods"] = _filled_in(raw["methods"], raw)
        return raw

    @field_validator("data")
    @classmethod
    def _data_is_known(cls, data: str | CsvData) -> str | CsvData:
        if isinstance(data, str):
            dataset_card(data)
        return data

    @field_validator("encoders")
    @classmethod
    def _encoders_can_be_made(
        cls, encoders: dict[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        for name, options in encoders.items():
            ENCODERS.make(name, **options)
        return encoders

    @model_validator(mode="after")
    def _names_fit(self) -> Experiment:
        published = (
            dataset_card(self.data).published_predictions if isinstance(self.data, str) else {}
        )
        check_baselines(self.baselines, published)
        names = [method.name for method in self.methods] + self.baselines
        if len(set(names)) < len(names):
            raise ValueError(f"two rows share a name: {', '.join(names)}")
        if self.reference not in names[: len(self.methods)]:
            raise ValueError(f"reference {self.reference!r} is none of the methods: {names}")
        if set(self.seeds) != set(self.encoders):
            raise ValueError(
                f"seeds are given for {list(self.seeds)}, the encoders are {list(self.encoders)}"
            )
        return self

    def table(self) -> MoleculeTable:
        """Load the data set.

        Raises:
            RncGraphError: the file, a column or a value is missing or wrong.
        """
        if isinstance(self.data, str):
            return load_dataset(self.data)
        data = self.data
        table = read_table(data.path, data.smiles, data.targets, unit=data.unit)
        if np.ptp(table.targets) == 0:
            raise RncGraphError(
                f"{data.path}, column {data.targets[0]!r}: all its values are the same, "
                f"{table.targets[0, 0]:g}; there is nothing to learn"
            )
        return table


def _filled_in(methods: list[Any], raw: dict[str, Any]) -> list[Any]:
    """Return the methods' mappings with what they leave out taken from the two stages.

    What is no mapping stays as it is, for pydantic to refuse.
    """
    stages = {key: raw[key] for key in ("pretraining", "regression") if _is_mapping(raw.get(key))}
    mappings = [method for method in methods if _is_mapping(method)]
    pretrained = any(method.get("pretraining", {}) is not None for method in mappings)
    return [
        {**method, **_stages_of(method, stages, pretrained)} if method in mappings else method
        for method in methods
    ]


def _stages_of(
    method: dict[str, Any], stages: dict[str, dict[str, Any]], pretrained: bool
) -> dict[str, Any]:
    filled = {}
    for key in ("pretraining", "regression"):
        own = method.get(key, {})
        filled[key] = {**stages.get(key, {}), **own} if _is_mapping(own) else own
    own, regression = method.get("regression", {}), filled["regression"]
    if not _is_mapping(regression):
        return filled
    if regression.get("freeze"):
        # What only a training encoder can use; a method that asks for it itself is told so.
        for key in ("views", "augmentation", "objective", "projection_dim"):
            if key not in own:
                regression.pop(key, None)
    if filled["pretraining"] is None and pretrained and "epochs" not in own:
        default = Optimisation.model_fields["epochs"].default
        both = [stages.get(key, {}).get("epochs", default) for key in filled]
        with suppress(ValidationError):  # The stage that a wrong number stands in is told.
            regression["epochs"] = sum(TypeAdapter(list[int]).validate_python(both))
    return filled


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)
