"""The methods of an experiment, and the points of its grid."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from rnc_graph.experiments.spec.component import AxisValue
from rnc_graph.experiments.spec.stages import PretrainingSpec, RegressionSpec, Stage
from rnc_graph.settings import Settings

Condition = dict[str, AxisValue | list[AxisValue]]
"""Points of a grid: a value, or several, by axis."""


class Method(Settings):
    """One row of the table. What it leaves out, it takes from the experiment's two stages."""

    name: str
    pretraining: PretrainingSpec | None
    regression: RegressionSpec
    reference: str | None = Field(
        None, description="the method it is compared with, if not the experiment's reference"
    )
    axes: dict[str, AxisValue] = Field({}, description="its values on the axes of a grid")
    only: Condition = Field({}, description="where on the axes it is run; everywhere by default")

    @property
    def stages(self) -> dict[str, Stage]:
        """The stages that it has, by their keys."""
        stage1 = {} if self.pretraining is None else {"pretraining": self.pretraining}
        return {**stage1, "regression": self.regression}


@dataclass(frozen=True)
class GridPoint:
    """One method under one condition: names, and its values on all axes, by name."""

    data: str
    split: str
    encoder: str
    method: Method
    axes: dict[str, AxisValue]
