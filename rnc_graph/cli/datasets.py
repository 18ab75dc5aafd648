"""The catalog of named data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rnc_graph.cli.app import app, say


@app.command()
def datasets(
    name: Annotated[
        str | None, typer.Argument(help="A data set, to see what is in it. [default: list them]")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch it if it is not on this computer.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw its labels and a dozen molecules here. [default: NAME.png]"),
    ] = None,
) -> None:
    """List the data sets known by name, or show one: labels, duplicates, bad rows, molecules."""
    from rnc_graph.data import list_datasets
    from rnc_graph.data.catalog import describe_dataset
    from rnc_graph.reporting.dataset_page import print_datasets, print_description
    from rnc_graph.reporting.dataset_picture import draw_dataset

    console = Console()
    if name is None:
        print_datasets(console, list_datasets())
        return
    print_description(console, describe_dataset(name, download=download))
    path = picture or Path(f"{name.replace('/', '-')}.png")
    draw_dataset(name, path, download=download)
    say(f"Molecules drawn: {path}")
