"""What all sections of a spec share."""

from pydantic import BaseModel, ConfigDict

from rnc_graph.errors import BadValueError


class MisfitError(BadValueError):
    """Keys of a spec that do not fit together.

    Args:
        message: what was found, and what is right.
        keys: where, from the section that is checked on down.
    """

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.keys = keys


class Section(BaseModel):
    """A part of the spec: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
