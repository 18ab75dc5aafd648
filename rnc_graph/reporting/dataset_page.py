"""Named data sets on the console: the list of all, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rnc_graph.data.catalog import DatasetDescription, DatasetEntry, TargetDescription
from rnc_graph.data.catalog.description import QUANTILES
from rnc_graph.reporting.console import print_table
from rnc_graph.reporting.numbers import percent, with_unit

_BLOCKS = " ▁▂▃▄▅▆▇█"
_SHOWN = 5  # bad rows


def print_datasets(console: Console, entries: Sequence[DatasetEntry]) -> None:
    """Print the list, one table for what is embedded and one a collection."""
    header = ("name", "what", "molecules", "targets", "unit", "at hand")
    for collection, group in groupby(entries, key=lambda entry: entry.card.collection):
        members = list(group)
        lines = [
            (
                entry.card.name,
                entry.card.title,
                f"{entry.card.rows:,}",
                str(len(entry.card.targets)),
                entry.card.unit,
                "yes" if entry.at_hand else "no",
            )
            for entry in members
        ]
        print_table(console, header, lines, title=collection or "embedded", fold=40)
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
    _print_labels(console, description)
    _say(console, "license", card.license)
    _say(console, "source", card.source)


def _print_labels(console: Console, description: DatasetDescription) -> None:
    targets = description.targets
    names = {0.0: "least", 0.5: "median", 1.0: "greatest"}
    lines = [
        ["measured", *(f"{target.measured:,}" for target in targets)],
        ["missing", *(f"{target.missing:,}" for target in targets)],
        ["mean", *(f"{target.mean:.4g}" for target in targets)],
        ["sd", *(f"{target.sd:.4g}" for target in targets)],
        *(
            [names.get(q, percent(q)), *(f"{target.quantiles[number]:.4g}" for target in targets)]
            for number, q in enumerate(QUANTILES)
        ),
    ]
    title = with_unit("labels", description.card.unit)
    print_table(console, ["", *(t.name for t in targets)], lines, title=title, right=True)
    bars = [(target.name, _bars(target)) for target in targets]
    print_table(console, ("", "from the least label to the greatest"), bars, title="histograms")


def _bars(target: TargetDescription) -> str:
    """Draw the histogram of a target in one line; a bin that is not empty never looks so."""
    heights = np.ceil(target.counts / target.counts.max() * (len(_BLOCKS) - 1)).astype(int)
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
