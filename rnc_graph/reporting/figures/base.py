"""What all figures share: what they are of, a grid of panels, names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.samples import SampleTable
from rnc_graph.experiments.results import FinishedRun, Row, Table, parts
from rnc_graph.experiments.spec import Experiment
from rnc_graph.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL = 2.6  # inches


@dataclass(frozen=True)
class TableRuns:
    """What a figure is of.

    Attributes:
        experiment: the grid.
        samples: the data set of the table.
        table: one of its tables.
        runs: those of the table.
    """

    experiment: Experiment
    samples: SampleTable
    table: Table
    runs: Sequence[FinishedRun]

    @property
    def part(self) -> str:
        """The part that methods are judged on."""
        return parts(self.experiment)[0]

    @property
    def seeds(self) -> int:
        """How many there are."""
        return len(self.table.rows[0].seeds)

    def runs_of(self, row: Row) -> list[FinishedRun]:
        """Return a row's runs."""
        return [r for r in self.runs if r.planned.row == row.name and r.planned.seed in row.seeds]

    def predictions(self, row: Row) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the samples (M,) that a row's runs predict, of all seeds, and what they say."""
        own = self.runs_of(row)
        rows = np.concatenate([run.tensors[f"{self.part}_rows"] for run in own])
        return rows, np.concatenate([r.tensors[f"{self.part}_predictions"][:, 0] for r in own])


def panels(
    count: int, *, width: float = PANEL, height: float = PANEL + 0.4
) -> tuple[Figure, list[Any]]:
    """Return a figure with a grid of ``count`` panels, five in a row at most; sizes in inches."""
    # Loaded here: the processes that only train need no figures.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(5, count)
    lines = math.ceil(count / columns)
    figure = Figure(figsize=(width * columns, height * lines + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def entitle(figure: Figure, of: TableRuns, words: str) -> None:
    """Write above a figure what it is of."""
    figure.suptitle(f"{of.experiment.name}, {of.table.name}{words}", fontsize=10)


def with_unit(samples: SampleTable, what: str) -> str:
    """Return the words for a target's axis."""
    unit = f" / {samples.unit}" if samples.unit else ""
    return f"{what} {samples.target_names[0]}{unit}"


def save(figure: Figure, path: Path) -> None:
    """Write a PNG; equal figures are equal bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})
