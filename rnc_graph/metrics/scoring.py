"""What a kind of target is scored by: errors, or how often a class is wrong.

Every score is the better the smaller it is, so that tables, tests and figures need not ask.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scoring:
    """What predictions are scored by.

    Attributes:
        scales: the scores are told in each of them; rows are compared in the first.
        metrics: the scores by name, each with its title.
        ranked_by: the one that rows are ranked by.
        beside: another one whose differences are told beside it.
        selected_by: what chooses the epoch, in words.
    """

    scales: tuple[str, ...]
    metrics: dict[str, str]
    ranked_by: str
    beside: str
    selected_by: str

    @property
    def scale(self) -> str:
        """The scale that rows are compared in."""
        return self.scales[0]

    @property
    def title(self) -> str:
        """What the score that rows are ranked by is called."""
        return self.metrics[self.ranked_by]


MEASURED = Scoring(
    scales=("standardized", "unit"),
    metrics={"mae": "MAE", "rmse": "RMSE", "mse": "MSE"},
    ranked_by="rmse",
    beside="mae",
    selected_by="validation MAE",
)
"""Targets that are measured, standardized by the training set and in their unit."""

CLASSES = Scoring(
    scales=("share",),
    metrics={"error": "error", "cross_entropy": "cross-entropy"},
    ranked_by="error",
    beside="cross_entropy",
    selected_by="validation error",
)
"""Targets that are classes: the share of wrong ones, and the cross-entropy in nats."""
