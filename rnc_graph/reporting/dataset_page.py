"""Named data sets on the console: the list of all, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rnc_graph.data.catalog import DatasetDescription, DatasetEntry, TargetDescription
from rnc_graph.data.catalog.description import QUANTILES
from rnc_graph.reporting.numbers import percent, with_unit

_BLOCKS = " ▁▂▃▄▅▆▇█"
_SHOWN = 5  # bad rows


def print_datasets(console: Console, entries: Sequence[DatasetEntry]) -> None:
    """Print the list, one table for what is embedded and one a collection."""
    for collection, group in groupby(entries, key=lambda entry: entry.card.collection):
        members = list(group)
        table = _table(escape(collection or "embedded"))
        table.add_column("name", no_wrap=True)
        table.add_column("what")
        table.add_column("molecules", justify="right")
        table.add_column("targets", justify="right")
        table.add_column("unit", no_wrap=True)
        table.add_column("at hand", justify="center")
        for entry in members:
            card = entry.card
            table.add_row(
                escape(card.name),
                escape(card.title),
                f"{card.rows:,}",
                str(len(card.targets)),
                escape(card.unit),
                "yes" if entry.at_hand else "no",
            )
        console.print(table)
        for license in dict.fromkeys(entry.card.license for entry in members):
            named = [entry.card.name for entry in members if entry.card.license == license]
            whose = "" if len(named) == len(members) else f" ({', '.join(named)})"
            _say(console, "license", license + whose)
        absent = next((entry for entry in members if not entry.at_hand), None)
        if absent:
            _say(console, "to get one", absent.card.get)
        console.print()


def print_description(console: Console, description: DatasetDescription) -> None:
    """Print the page of one data set."""
    card = description.card
    console.print(f"[bold]{escape(card.name)}[/bold]  {escape(card.title)}", highlight=False)
    console.print()
    _say(console, "molecules", f"{description.rows:,}")
    _say(console, "bad SMILES", _bad(description))
    _say(
        console,
        "repeated",
        f"{description.repeated:,} molecules are in more than one row, "
        f"{description.conflicts:,} of them with values that differ",
    )
    if description.parts:
        _say(console, "split", f"{card.split}: {_sizes(description.parts)}")
    if description.subsets:
        _say(console, "subsets", _sizes(description.subsets))
    console.print()
    console.print(_labels(description))
    console.print()
    console.print(_histograms(description))
    console.print()
    _say(console, "license", card.license)
    _say(console, "source", card.source)


def _labels(description: DatasetDescription) -> Table:
    unit = description.card.unit
    table = _table(escape(with_unit("labels", unit)))
    table.add_column("")
    for target in description.targets:
        table.add_column(escape(target.name), justify="right")
    targets = description.targets
    table.add_row("measured", *(f"{target.measured:,}" for target in targets))
    table.add_row("missing", *(f"{target.missing:,}" for target in targets))
    table.add_row("mean", *(f"{target.mean:.4g}" for target in targets))
    table.add_row("sd", *(f"{target.sd:.4g}" for target in targets))
    names = {0.0: "least", 0.5: "median", 1.0: "greatest"}
    for number, quantile in enumerate(QUANTILES):
        values = (f"{target.quantiles[number]:.4g}" for target in targets)
        table.add_row(names.get(quantile, percent(quantile)), *values)
    return table


def _histograms(description: DatasetDescription) -> Table:
    table = _table("histograms, from the least label to the greatest")
    table.show_header = False
    for target in description.targets:
        table.add_row(escape(target.name), _bars(target))
    return table


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        collapse_padding=True,
    )


def _bars(target: TargetDescription) -> str:
    """Draw the histogram of a target in one line; a bin that is not empty never looks so."""
    counts: NDArray[np.int64] = target.counts
    heights = np.ceil(counts / counts.max() * (len(_BLOCKS) - 1)).astype(int)
    return "".join(_BLOCKS[height] for height in heights)


def _sizes(molecules: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size:,}" for name, size in molecules.items())


def _bad(description: DatasetDescription) -> str:
    shown = [f"row {b.row + 1}: {b.smiles[:60]!r}: {b.reason}" for b in description.bad[:_SHOWN]]
    more = len(description.bad) - len(shown)
    return "\n".join([*shown, *([f"and {more} more"] if more else [])]) or "none"


def _say(console: Console, what: str, text: str) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=10, style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row(what, escape(text))
    console.print(grid, highlight=False)
