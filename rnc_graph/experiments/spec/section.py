"""What all sections of a spec share."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the spec: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
