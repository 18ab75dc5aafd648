"""What determines the numbers of a task, as its key in the store is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rnc_graph.experiments.spec.stages import Stage
from rnc_graph.losses import LOSSES
from rnc_graph.registry import owners_of

# Raised when the same identity would give other numbers, so that no store mixes the two.
FORMAT = 4


def stage_identity(stage: Stage) -> dict[str, Any]:
    """Return all that determines a stage, its objective's options in full."""
    objective = stage.objective.identity(LOSSES) if stage.objective else None
    # The grid point identifies the training data.
    found = {**stage.model_dump(exclude={"data"}), "objective": objective}
    # As runs were named before there were these fields.
    for name in ("balanced", "head_epochs", "encoder_learning_rate"):
        if not found.get(name):
            found.pop(name, None)
    return found


def with_code(identity: dict[str, Any]) -> dict[str, Any]:
    """Add the content of the user's files that registered any name in an identity."""
    own = owners_of(_texts(identity))
    return {**identity, "code": own} if own else identity


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a nest of mappings and lists, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.items() for nested in item for text in _texts(nested))
    elif isinstance(value, list | tuple):
        yield from (text for nested in value for text in _texts(nested))
