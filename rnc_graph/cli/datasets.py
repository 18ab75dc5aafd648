"""The catalog of named data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rnc_graph.cli.app import command, console, say


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

    print_description(console(), describe_dataset(name, download=download))
    path = picture or Path(f"{name.replace('/', '-')}.png")
    draw_dataset(name, path, download=download)
    say(f"Molecules drawn: {path}")
