"""What an experiment is: a typed spec, read from YAML and checked to the last key."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from rnc_graph.data import MoleculeTable, load_dataset, read_table
from rnc_graph.data.catalogue import dataset_card
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.baselines import check_baselines
from rnc_graph.experiments.sections import (
    CsvData,
    Part,
    PretrainingSpec,
    RegressionSpec,
    RepresentationSpec,
    Section,
    SplitSpec,
)
from rnc_graph.own_modules import read_module
from rnc_graph.training import Optimisation


def _loaded(path: Path) -> Path:
    read_module(path).load()
    return path


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


class Method(Section):
    """One row of the table. What it leaves out, it takes from the experiment's two stages."""

    name: str
    pretraining: PretrainingSpec | None
    regression: RegressionSpec
    reference: str | None = Field(
        None, description="the method it is compared with, if not the experiment's reference"
    )

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

    # First: the parts that they register are named further down.
    modules: list[Annotated[Path, AfterValidator(_loaded)]] = Field(
        [],
        description="Python files that register parts of your own; from the working directory, "
        "unless they begin with /",
    )
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
    baselines: list[str] = Field([])
    reference: str = Field(description="the method that the others are compared with")
    ranked: bool = Field(False, description="sort the rows of a table by their error")
    representation: RepresentationSpec | None = None
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
            Part(name=name, **options).identity(ENCODERS)
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
        methods = names[: len(self.methods)]
        for reference in [self.reference, *(method.reference for method in self.methods)]:
            if reference is not None and reference not in methods:
                raise ValueError(f"reference {reference!r} is none of the methods: {methods}")
        if set(self.seeds) != set(self.encoders):
            raise ValueError(
                f"seeds are given for {list(self.seeds)}, the encoders are {list(self.encoders)}"
            )
        return self

    def reference_of(self, row: str) -> str:
        """Return the method that a row is compared with.

        Itself for one that others are compared with, unless it names another.
        """
        own = {method.name: method.reference for method in self.methods}
        referred = {self.reference, *own.values()}
        return own.get(row) or (row if row in referred else self.reference)

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
