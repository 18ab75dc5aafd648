"""The catalog of named data sets."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rnc_graph.cli.app import check_page, command, console, say, say_all
from rnc_graph.cli.options import Decimal, Relation, Smiles
from rnc_graph.cli.tables import check_decimal, relations_of


@command()
def datasets(
    name: Annotated[
        str | None, Argument(help="A data set, to see what is in it. [default: list them]")
    ] = None,
    download: Annotated[
        bool, Option("--download", help="Fetch it if it is not on this computer.")
    ] = False,
    picture: Annotated[
        Path | None,
        Option(help="Draw its labels and a dozen molecules here. [default: NAME.png]"),
    ] = None,
) -> None:
    """List the named data sets, or show and draw one of them."""
    from rnc_graph.data.catalog import describe_dataset, list_datasets
    from rnc_graph.reporting.dataset_page import print_datasets, print_description

    if name is None:
        print_datasets(console(), list_datasets())
        return
    from rnc_graph.reporting.dataset_picture import draw_dataset

    found = describe_dataset(name, download=download)
    path = picture or Path(f"{name.replace('/', '-')}.png")
    draw_dataset(name, path, download=download)
    say(f"Molecules drawn: {path}")
    print_description(console(), found)


@command()
def data(
    table: Annotated[str, Argument(help="A table with a column of SMILES, or a data set's name.")],
    smiles: Smiles = None,
    target: Annotated[
        list[str] | None,
        Option(help="A column of values; repeatable. [default: all columns of numbers]"),
    ] = None,
    relation: Relation = None,
    decimal: Decimal = None,
    out: Annotated[
        Path | None, Option(help="Write an HTML page with pictures, too.", dir_okay=False)
    ] = None,
) -> None:
    """Show what is in a table before a model is trained on it."""
    from rnc_graph.data.catalog import dataset_cards, load_named_dataset
    from rnc_graph.data.catalog.description import describe as describe_named
    from rnc_graph.data.description import TableDescription, describe
    from rnc_graph.data.reading.molecules import read_all_columns
    from rnc_graph.reporting.dataset_page import print_description

    if out is not None:
        check_page(out)
    check_decimal(decimal)
    notes: list[str] = []
    found: TableDescription
    if not Path(table).exists() and table in dataset_cards() and not (smiles or relation):
        named = load_named_dataset(table)
        rows = named.table
        if target:
            rows = rows.select(target)
            found = describe(rows)
        else:
            found = describe_named(named, structures=True)
    else:
        rows, notes = read_all_columns(
            Path(table),
            smiles,
            target,
            relations=partial(relations_of, relation or []),
            decimal=decimal,  # type: ignore[arg-type]  # checked above
        )
        found = describe(rows)
    say_all(notes)
    if out is not None:
        from rnc_graph.files import write_text
        from rnc_graph.reporting.pages.data import data_page

        write_text(out, data_page(rows, found, notes))
        say(f"Written: {out}")
    print_description(console(), found)
