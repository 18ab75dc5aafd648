"""What a search may change, and how long it looks."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from rnc_graph.settings import Settings


class Range(Settings):
    """The values that one key may take: from low to high, or one of some choices."""

    low: float | None = None
    high: float | None = None
    log: bool = Field(False, description="draw evenly over magnitudes")
    whole: bool = Field(False, description="whole numbers only")
    choices: list[Any] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Range:
        if self.choices is not None:
            if self.low is not None or self.high is not None or not self.choices:
                raise ValueError("give low and high, or choices with at least one value")
            return self
        if self.low is None or self.high is None or self.low >= self.high:
            raise ValueError("give low and high with low < high, or choices")
        if self.log and self.low <= 0:
            raise ValueError("log needs low above 0")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("whole needs low and high to be whole numbers")
        return self


class SearchSpec(Settings):
    """A search over one method with one encoder, evaluated on the validation set alone."""

    method: str = Field(description="the method to improve")
    encoder: str
    ranges: dict[str, Range] = Field(
        min_length=1,
        description="by key of the method (pretraining.learning_rate, "
        "pretraining.objective.temperature, regression.epochs, ...) or of the encoder "
        "(encoder.hidden_dim)",
    )
    trials: int = Field(50, ge=1, le=1_000_000)
    startup_trials: int = Field(
        10, ge=1, description="drawn at random first; none of them is pruned"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _keys_name_a_section(self) -> SearchSpec:
        for key in self.ranges:
            first, *rest = key.split(".")
            if first not in ("pretraining", "regression", "encoder") or not rest:
                raise ValueError(
                    f"range {key!r}: a key begins with pretraining., regression. or encoder."
                )
            if key.startswith("pretraining.data"):
                raise ValueError(
                    f"range {key!r}: data are no setting to search; compare them in a grid, on the "
                    "axis pretrain_on"
                )
        return self
