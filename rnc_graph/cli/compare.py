"""Two models compared on the same molecules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rnc_graph.cli.app import Jobs, command, console, say, say_all, say_written, workers
from rnc_graph.cli.options import Decimal, IdColumn, Plugins, Relation, Smiles, Trusted
from rnc_graph.cli.tables import read_labeled
from rnc_graph.files import check_output_folder


@command()
def compare(
    model: Annotated[Path, Argument(metavar="MODEL_A", help="The folder of a model.")],
    other: Annotated[Path, Argument(metavar="MODEL_B", help="The folder of another model.")],
    data: Annotated[str, Argument(help="A table with measurements, or a data set's name.")],
    smiles: Smiles = None,
    target: Annotated[
        list[str] | None,
        Option(
            metavar="COLUMN|TARGET=COLUMN",
            help="A measured column, in the order of the targets that both models have, or by the "
            "name of one; repeatable. [default: these targets]",
        ),
    ] = None,
    relation: Relation = None,
    id_column: IdColumn = None,
    decimal: Decimal = None,
    out: Annotated[
        Path | None,
        Option(help="A folder for comparison.md and a figure.", file_okay=False),
    ] = None,
    jobs: Jobs = None,
    plugin: Plugins = None,
    trusted: Trusted = None,
) -> None:
    """Compare two models on molecules that are new to both."""
    from rnc_graph.data.bad import describe_bad
    from rnc_graph.models import common_targets, compare_models, load_model
    from rnc_graph.reporting.comparisons import (
        COMPARED,
        comparison_cells,
        comparison_notes,
        write_comparison,
    )
    from rnc_graph.reporting.console import print_table

    if out is not None:
        check_output_folder(out)
    first, second = (
        load_model(folder, trusted or (), plugins=plugin or []) for folder in (model, other)
    )
    names = common_targets(first, second)
    table, bad, notes = read_labeled(
        data,
        names,
        target,
        [first, second],
        smiles=smiles,
        decimal=decimal,
        id_column=id_column,
        relation=relation,
    )
    say_all(notes)
    if bad:
        say(f"{describe_bad(bad, table.name)}\nThey are left out")
    found = compare_models(
        first, second, table.smiles, table.targets, censored=table.censored, jobs=workers(jobs)
    )
    models = {"A": f"A ({model})", "B": f"B ({other})"}
    title = f"{table.name}: A is {model}, B is {other}"
    if out is not None:
        say_written(write_comparison(out, found, title, models))
    print_table(console(), COMPARED, comparison_cells(found), title=title)
    for note in comparison_notes(found, models):
        say(note, stderr=False)
