"""A folder of results, opened for reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnc_graph.errors import MissingFileError
from rnc_graph.experiments.results import RUNS, Outcome, open_outcome
from rnc_graph.reporting.tables import ResultTable, tabulate


@dataclass(frozen=True)
class Results:
    """All that a folder of results holds.

    Attributes:
        outcome: the finished experiment.
        tables: its tables.
        command: what makes the results again.
        versions: of the libraries that made them.
    """

    outcome: Outcome
    tables: list[ResultTable]
    command: str
    versions: Mapping[str, str]


def open_results(folder: Path) -> Results:
    """Open a folder that ``rnc-graph run`` has finished.

    Raises:
        RncGraphError: it is not such a folder, or runs are missing.
    """
    for name in ("spec.yaml", "table.json", "versions.json", RUNS, "store"):
        if not (folder / name).exists():
            raise MissingFileError(
                f"{folder}: has no {name}; give the folder of a finished experiment, or finish it "
                "with `rnc-graph run`"
            )
    outcome = open_outcome(folder)
    return Results(
        outcome,
        tabulate(outcome),
        json.loads((folder / "table.json").read_text(encoding="utf-8"))["command"],
        json.loads((folder / "versions.json").read_text(encoding="utf-8")),
    )
