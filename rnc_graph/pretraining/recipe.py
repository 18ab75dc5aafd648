"""The recipe of a pretrained encoder, as users write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from rnc_graph.encoders import ENCODERS, GraphEncoder
from rnc_graph.errors import BadValueError, RncGraphError, UnknownNameError, first_problem
from rnc_graph.pretraining.objectives import objective_names
from rnc_graph.settings import Settings
from rnc_graph.training.config import Precision
from rnc_graph.yaml_files import read_yaml


class Recipe(Settings):
    """What is pretrained, on what, for what, and for how long."""

    corpus: str = Field(description="a file of SMILES, or 'moses'")
    smiles: str | None = Field(None, description="the column of SMILES; guessed if null")
    fragments: bool = Field(
        False, description="also take the two pieces of each molecule, cut at a single bond"
    )
    molecules: int | None = Field(None, ge=10, description="take so many; all if null")
    encoder: str = "gin"
    encoder_options: dict[str, Any] = Field(
        {}, description="instead of 128 wide, 4 layers (or steps), without dropout"
    )
    objectives: dict[str, float] = Field(
        {"descriptors": 1.0}, min_length=1, description="the weight of each"
    )
    passes: float = Field(
        1.0, gt=0, le=10_000, description="over the corpus, rounded to whole chunks of 16 shards"
    )
    batch_size: int = Field(256, ge=3, le=65_536)
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False)
    precision: Precision = "32"
    seed: int = Field(0, ge=0, lt=2**32)

    @property
    def options(self) -> dict[str, Any]:
        """All options of the encoder that differ from its own defaults."""
        depth = "steps" if self.encoder == "mpnn" else "layers"
        return {"hidden_dim": 128, depth: 4, "dropout": 0.0} | self.encoder_options

    @field_validator("objectives")
    @classmethod
    def _objectives_are_known(cls, objectives: dict[str, float]) -> dict[str, float]:
        for name, weight in objectives.items():
            if name not in objective_names():
                raise ValueError(
                    f"unknown objective {name!r}; known: {', '.join(objective_names())}"
                )
            if not 0 < weight < 1e6:
                raise ValueError(f"{name}: expected a weight above 0, got {weight}")
        return objectives

    @model_validator(mode="after")
    def _encoder_takes_graphs(self) -> Recipe:
        made = ENCODERS.get(self.encoder)
        if not (isinstance(made, type) and issubclass(made, GraphEncoder)):
            raise ValueError(f"encoder {self.encoder!r}: expected one of gin, gcn and mpnn")
        for name in self.encoder_options.keys() & {"normalize", "in_channels", "edge_dim"}:
            raise ValueError(f"encoder_options: expected no {name}, which pretraining sets")
        ENCODERS.options(self.encoder, self.options)
        return self


def make_recipe(**given: Any) -> Recipe:
    """Make a recipe; raise :class:`BadValueError` for a value that cannot be used."""
    for name in sorted(given.keys() - Recipe.model_fields.keys()):
        raise UnknownNameError("key of a recipe", name, list(Recipe.model_fields))
    try:
        return Recipe(**given)
    except ValidationError as error:
        raise BadValueError(first_problem(error)) from error


def read_recipe(path: Path, **replaced: Any) -> Recipe:
    """Read a recipe from YAML; some of its values may be replaced.

    Raises:
        RncGraphError: the file is missing, no YAML, or no recipe.
    """
    try:
        _, found = read_yaml(path)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, RncGraphError):
            raise
        raise BadValueError(f"{path}: is not YAML: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise BadValueError(f"{path}: expected the keys of a recipe, such as corpus")
    try:
        return make_recipe(**found | replaced)
    except BadValueError as error:
        raise BadValueError(f"{path}: {error}") from error
