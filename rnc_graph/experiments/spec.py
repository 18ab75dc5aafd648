"""What an experiment is: a typed spec, read from YAML and checked to the last key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    field_validator,
    model_validator,
)

from rnc_graph.data import MoleculeTable, load_dataset, read_table
from rnc_graph.data.catalogue import dataset_card
from rnc_graph.data.views import make_view
from rnc_graph.encoders import ENCODERS
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
    targets: list[str] = Field(min_length=1, description="the columns of measured values")
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
    return list(range(seeds)) if isinstance(seeds, int) else seeds


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"a seed stands twice: {seeds}")
    return seeds


Seeds = Annotated[
    list[NonNegativeInt],
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
    head_hidden: list[int] = Field([], description="widths of the head's hidden layers")
    head_dropout: float = Field(0.0, ge=0, lt=1)
    views: int = Field(1, ge=1, description="V")
    augmentation: Augmentation = Field({}, description="strength of each, applied in order")
    objective: Objective | None = Field(
        None, description="joint training: added to the head's loss"
    )
    objective_weight: float = Field(1.0, gt=0, description="what the objective is multiplied by")
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
    the epochs of both stages together.
    """

    name: str
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
            stage_1, stage_2 = (_mapping(raw, key) for key in ("pretraining", "regression"))
            raw["methods"] = [_filled_in(method, stage_1, stage_2) for method in raw["methods"]]
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
        """Load the data set."""
        if isinstance(self.data, str):
            return load_dataset(self.data)
        return read_table(self.data.path, self.data.smiles, self.data.targets, unit=self.data.unit)


def _mapping(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _filled_in(method: Any, stage_1: dict[str, Any], stage_2: dict[str, Any]) -> Any:
    """Return a method's mapping with what it leaves out taken from the two stages."""
    if not isinstance(method, dict):
        return method
    plain = "pretraining" in method and method["pretraining"] is None
    own = _mapping(method, "regression")
    regression = {**stage_2, **own}
    if regression.get("freeze"):
        # What only a training encoder can use; a method that asks for it itself is told so.
        for key in ("views", "augmentation", "objective", "projection_dim"):
            if key not in own:
                regression.pop(key, None)
    if plain and "epochs" not in own:
        default = Optimisation.model_fields["epochs"].default
        epochs = [stage.get("epochs", default) for stage in (stage_1, stage_2)]
        if all(isinstance(number, int) for number in epochs):
            regression["epochs"] = sum(epochs)
    return {
        **method,
        "pretraining": None if plain else {**stage_1, **_mapping(method, "pretraining")},
        "regression": regression,
    }
