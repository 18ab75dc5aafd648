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


def filled_in(methods: list[Any], raw: dict[str, Any], *, finished: bool = False) -> list[Any]:
    """Return the methods' mappings with what they leave out taken from the two stages.

    A method without a stage 1, beside others with one, trains for the epochs of both stages: those
    at the top, or where these are not given those of the other methods. What is no mapping stays as
    it is, for pydantic to refuse. Objectives of ``finished`` runs are taken as they are written.

    Raises:
        MisfitError: the others have several numbers of epochs, and those at the top are not given.
    """
    top = {key: raw[key] for key in _STAGES if isinstance(raw.get(key), dict)}
    stages = [
        _stages_of(method, top, finished) if isinstance(method, dict) else {} for method in methods
    ]
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
            regression["epochs"] = _usual(top, pretrained, number)
    return [{**m, **own} if own else m for m, own in zip(methods, stages, strict=True)]


def _usual(top: Mapping[str, dict[str, Any]], pretrained: set[int], number: int) -> int:
    """Return the epochs of the method of a number, which has no stage 1."""
    found = _epochs_of_both(top)
    given = all("epochs" in top.get(key, {}) for key in _STAGES)
    if found is not None and (given or found in pretrained):
        return found
    if len(pretrained) > 1:
        several = " or ".join(map(str, sorted(pretrained)))
        raise MisfitError(
            f"needs epochs of its own: methods with a stage 1 have {several} in all",
            *("methods", number, "regression"),
        )
    return min(pretrained)


def _stages_of(
    method: dict[str, Any], top: Mapping[str, dict[str, Any]], finished: bool
) -> dict[str, Any]:
    """Return both stages of a method, with what it leaves out."""
    filled = {key: _over(top.get(key, {}), method.get(key, {}), finished) for key in _STAGES}
    regression = filled["regression"]
    if isinstance(regression, dict) and regression.get("freeze"):
        # A method that sets them itself gets an error.
        for key in _OF_THE_ENCODER - method.get("regression", {}).keys():
            regression.pop(key, None)
    return filled


def _over(top: dict[str, Any], own: Any, finished: bool) -> Any:
    """Return a stage with its own keys over those at the top; so too an objective of one name."""
    if not isinstance(own, dict):
        return own
    filled = {**top, **own}
    objectives = top.get("objective"), own.get("objective")
    names = [one.get("name") if isinstance(one, dict) else None for one in objectives]
    if names[0] is not None and names[0] == names[1] and not finished:
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
