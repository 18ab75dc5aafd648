"""Options and arguments that several commands on molecules have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rnc_graph.errors import BadValueError

Model = Annotated[Path, Argument(help="The folder of a model.")]
Smiles = Annotated[str | None, Option(help="The column of SMILES. [default: guessed]")]
Rows = Annotated[Path, Argument(help="A table with a column of SMILES; - reads a pipe.")]


def _check_level(level: float) -> float:
    if not 0 < level < 1:
        raise BadValueError(f"--interval: expected a number between 0 and 1, got {level:g}")
    return level


Level = Annotated[
    float,
    Option(
        "--interval",
        callback=_check_level,
        help="Share of measurements that the intervals cover.",
    ),
]
Plugins = Annotated[
    list[Path] | None,
    Option(help="A Python file that registers encoders, losses or augmentations; repeatable."),
]
Trusted = Annotated[
    list[str] | None,
    Option(
        metavar="MODULE",
        help="A module or class whose encoder the model may import, which runs its code; "
        "repeatable. [default: torch_geometric.nn.models]",
    ),
]
Relation = Annotated[
    list[str] | None,
    Option(
        metavar="COLUMN|TARGET=COLUMN",
        help="The column that says =, < or > of a target; repeatable. Cells such as >100 do so "
        "themselves.",
    ),
]
IdColumn = Annotated[
    str | None,
    Option("--id", metavar="COLUMN", help="The column that names the rows in all that is written."),
]
Decimal = Annotated[
    str | None, Option(help="The decimal sign: . or a comma. [default: found by column]")
]
