"""Named data sets on the console: the list of all, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rnc_graph.data.catalog import DatasetDescription, DatasetEntry
from rnc_graph.data.description import NEAR, QUANTILES, TableDescription, TargetDescription
from rnc_graph.errors import plural
from rnc_graph.reporting.console import print_table
from rnc_graph.reporting.numbers import percent, rounded, with_unit

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


def print_description(console: Console, description: TableDescription) -> None:
    """Print what is inside a table; of a named data set also where it is from."""
    card = description.card if isinstance(description, DatasetDescription) else None
    title = f"  {escape(card.title)}" if card else ""
    name = card.name if card else description.name
    console.print(f"[bold]{escape(name)}[/bold]{title}", highlight=False)
    console.print()
    for what, text in facts(description):
        _say(console, what, text)
    console.print()
    _print_labels(console, description)
    if card:
        _say(console, "license", card.license)
        _say(console, "source", card.source)


def facts(description: TableDescription) -> list[tuple[str, str]]:
    """Return what is to be said of the rows and the structures of a table, with its headings."""
    from rnc_graph.data.duplicates import repeats  # With RDKit, which a list does without.

    found = [
        ("rows", f"{description.rows:,} with a value"),
        ("bad SMILES", _bad(description)),
        ("molecules", f"{description.molecules:,}"),
        ("repeated", repeats(description.repeated, description.conflicts)),
    ]
    if isinstance(description, DatasetDescription):
        if description.set_sizes:
            found.append(("split", f"{description.card.split}: {_sizes(description.set_sizes)}"))
        if description.subsets:
            found.append(("subsets", _sizes(description.subsets)))
    structures = description.structures
    if structures is None:
        return found
    smallest, median, largest = structures.atoms[[0, QUANTILES.index(0.5), -1]]
    scaffold, count = structures.largest
    share = percent(count / description.molecules)
    found += [
        ("size", f"{smallest:g} to {largest:g} heavy atoms, median {median:g}"),
        (
            "salts",
            f"{plural(structures.salts, 'molecule')} of several fragments (--clean strips them)",
        ),
        (
            "stereo",
            f"{plural(structures.chiral, 'molecule')} with a given configuration, "
            f"{structures.unspecified:,} with one that is not given",
        ),
        (
            "scaffolds",
            f"{structures.scaffolds:,}, {structures.single:,} of them of one molecule; the most "
            f"frequent, {scaffold or 'no ring'}, has {share} of the molecules",
        ),
    ]
    if structures.split:
        found.append(
            (
                "test set",
                f"{structures.near:,} of its {structures.test:,} molecules (split "
                f"{structures.split}, seed 0) have a near-duplicate in the training set: "
                f"a Tanimoto similarity of {NEAR} or more",
            )
        )
    nearest = f"{structures.nearest_set}: mean Tanimoto similarity {structures.similarity:.2f}"
    return [*found, ("nearest", f"{nearest} to the most similar of its molecules")]


def warnings_of(target: TargetDescription) -> list[str]:
    """Return what deserves a look in the values of a target."""
    found = [
        f"{plural(count, 'row')} at the end of the range, {rounded(value)}: the limit of an assay?"
        for value, count in target.limits
    ]
    if target.repeated and target.repeat_sd == 0:
        found.append(
            f"{plural(target.repeated, 'molecule')} with the same value several times: copies?"
        )
    elif target.repeated:
        found.append(
            f"{plural(target.repeated, 'molecule')} measured several times: standard deviation "
            f"{rounded(target.repeat_sd, 3)} within a molecule, an estimate of the error of the "
            "measurement, which no model can fall below on new values"
        )
    if target.other_units:
        found.append(
            f"{plural(target.other_units, 'molecule')} with values that differ by a factor of "
            "1,000, or by 3 as logarithms: are there two units?"
        )
    return found


def _print_labels(console: Console, description: TableDescription) -> None:
    targets = description.targets
    bounds = any(target.bounds for target in targets)
    names = {0.0: "least", 0.5: "median", 1.0: "greatest"}
    lines = [
        ["measured", *(f"{target.n_values:,}" for target in targets)],
        *([["bounds", *(f"{target.bounds:,}" for target in targets)]] if bounds else []),
        ["missing", *(f"{target.missing:,}" for target in targets)],
        ["mean", *(rounded(target.mean) for target in targets)],
        ["sd", *(rounded(target.sd) for target in targets)],
        *(
            [names.get(q, percent(q)), *(rounded(target.quantiles[number]) for target in targets)]
            for number, q in enumerate(QUANTILES)
        ),
    ]
    units = {target.unit for target in targets}
    common = units.pop() if len(units) == 1 else None
    header = [t.name if common is not None else with_unit(t.name, t.unit) for t in targets]
    title = with_unit("labels", common or "") + ("; statistics without bounds" * bounds)
    print_table(console, ["", *header], lines, title=title, right=True)
    bars = [(target.name, _bars(target)) for target in targets]
    print_table(console, ("", "from the least label to the greatest"), bars, title="histograms")
    if description.structures is not None:
        for target in targets:
            for warning in warnings_of(target):
                _say(console, target.name, warning)


def _bars(target: TargetDescription) -> str:
    """Draw the histogram of a target in one line; a bin that is not empty never looks so."""
    heights = np.ceil(target.counts / max(1, target.counts.max()) * (len(_BLOCKS) - 1)).astype(int)
    return "".join(_BLOCKS[height] for height in heights)


def _sizes(molecules: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size:,}" for name, size in molecules.items())


def _bad(description: TableDescription) -> str:
    shown = [
        f"row {b.row}{f' (line {b.line})' if b.line is not None else ''}: {b.found[:60]!r}: "
        f"{b.reason}"
        for b in description.bad_rows[:_SHOWN]
    ]
    more = len(description.bad) - len(shown)
    return "\n".join([*shown, *([f"and {more} more"] if more else [])]) or "none"


def _say(console: Console, what: str, text: str) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=10, style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row(what, escape(text))
    console.print(grid, highlight=False)
