"""What a method leaves out is taken from the experiment's two stages."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rnc_graph.training import FinetuneConfig, StageConfig

_STAGES = ("pretraining", "regression")
_OF_THE_ENCODER = FinetuneConfig.model_fields.keys() - StageConfig.model_fields.keys()


def filled_in(methods: list[Any], raw: dict[str, Any]) -> list[Any]:
    """Return the methods' mappings with what they leave out taken from the two stages.

    What is no mapping stays as it is, for pydantic to refuse.
    """
    stages = {key: raw[key] for key in _STAGES if isinstance(raw.get(key), dict)}
    pretrained = any(
        isinstance(method, dict) and method.get("pretraining", {}) is not None for method in methods
    )
    return [
        {**method, **_stages_of(method, stages, pretrained)} if isinstance(method, dict) else method
        for method in methods
    ]


def _stages_of(
    method: dict[str, Any], stages: dict[str, dict[str, Any]], pretrained: bool
) -> dict[str, Any]:
    filled = {}
    for key in _STAGES:
        own = method.get(key, {})
        filled[key] = {**stages.get(key, {}), **own} if isinstance(own, dict) else own
    own, regression = method.get("regression", {}), filled["regression"]
    if not isinstance(regression, dict):
        return filled
    if regression.get("freeze"):
        # Only a training encoder can use these; a method that sets them itself gets an error.
        of_joint_training = ("objective", "objective_weight", "projection_dim")
        for key in (*_OF_THE_ENCODER, "views", "augmentation", *of_joint_training):
            if key not in own:
                regression.pop(key, None)
    if filled["pretraining"] is None and pretrained and "epochs" not in own:
        default = StageConfig.model_fields["epochs"].default
        both = [stages.get(key, {}).get("epochs", default) for key in filled]
        with suppress(ValidationError):  # The stage with the wrong number is named.
            regression["epochs"] = sum(TypeAdapter(list[int]).validate_python(both))
    return filled
