"""What a method leaves out is taken from the experiment's two stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rnc_graph.errors import MisfitError
from rnc_graph.training import FinetuneConfig, StageConfig

_STAGES = ("pretraining", "regression")
# What only an encoder that trains can use.
_OF_THE_ENCODER = {
    *(FinetuneConfig.model_fields.keys() - StageConfig.model_fields.keys()),
    *("views", "augmentation", "objective", "objective_weight", "projection_dim"),
}
_WHOLE = TypeAdapter(int)


def filled_in(methods: list[Any], raw: dict[str, Any]) -> list[Any]:
    """Return the methods' mappings with what they leave out taken from the two stages.

    A method without a stage 1, beside others with one, trains for the epochs of both stages. What
    is no mapping stays as it is, for pydantic to refuse.

    Raises:
        MisfitError: the others have several numbers of epochs, none of them that at the top.
    """
    top = {key: raw[key] for key in _STAGES if isinstance(raw.get(key), dict)}
    stages = [_stages_of(method, top) if isinstance(method, dict) else {} for method in methods]
    pretrained = {
        epochs
        for own in stages
        if all(isinstance(part, dict) for part in own.values())
        and (epochs := _epochs_of_both(own)) is not None
    }
    for number, (method, own) in enumerate(zip(methods, stages, strict=True)):
        regression = own.get("regression")
        if own.get("pretraining", {}) is not None or not isinstance(regression, dict):
            continue
        if pretrained and "epochs" not in (method.get("regression") or {}):
            usual = _epochs_of_both(top)
            if usual not in pretrained and len(pretrained) > 1:
                raise MisfitError(
                    "needs epochs of its own: methods with a stage 1 have "
                    f"{' or '.join(map(str, sorted(pretrained)))} in all",
                    *("methods", number, "regression"),
                )
            regression["epochs"] = usual if usual in pretrained else min(pretrained)
    return [{**m, **own} if own else m for m, own in zip(methods, stages, strict=True)]


def _stages_of(method: dict[str, Any], top: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return both stages of a method, with what it leaves out."""
    filled = {key: _over(top.get(key, {}), method.get(key, {})) for key in _STAGES}
    regression = filled["regression"]
    if isinstance(regression, dict) and regression.get("freeze"):
        # A method that sets them itself gets an error.
        for key in _OF_THE_ENCODER - method.get("regression", {}).keys():
            regression.pop(key, None)
    return filled


def _over(top: dict[str, Any], own: Any) -> Any:
    """Return a stage with its own keys over those at the top; so too an objective of one name."""
    if not isinstance(own, dict):
        return own
    filled = {**top, **own}
    objectives = top.get("objective"), own.get("objective")
    names = [one.get("name") if isinstance(one, dict) else None for one in objectives]
    if names[0] is not None and names[0] == names[1]:
        filled["objective"] = {**top["objective"], **own["objective"]}
    return filled


def _epochs_of_both(stages: Mapping[str, dict[str, Any]]) -> int | None:
    """Return the epochs of both stages together, None where one is no whole number."""
    default = StageConfig.model_fields["epochs"].default
    try:
        return sum(
            _WHOLE.validate_python(stages.get(key, {}).get("epochs", default)) for key in _STAGES
        )
    except ValidationError:  # The stage with the wrong number is named.
        return None
