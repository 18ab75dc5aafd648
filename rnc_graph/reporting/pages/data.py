"""The page of a table: what is in it, its labels, and a dozen of its molecules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnc_graph.data import MoleculeTable
from rnc_graph.data.catalog import DatasetDescription
from rnc_graph.data.description import BINS, TableDescription, TargetDescription
from rnc_graph.errors import plural
from rnc_graph.reporting import numbers
from rnc_graph.reporting.dataset_page import facts, warnings_of
from rnc_graph.reporting.dataset_picture import spread_rows
from rnc_graph.reporting.render import labeled, render
from rnc_graph.reporting.sample_pictures import molecule_svg

_WIDTH, _HEIGHT = 480, 100


def data_page(table: MoleculeTable, description: TableDescription, notes: Sequence[str]) -> str:
    """Return the page; all text of the table is escaped.

    ``notes`` say what was guessed of its columns.
    """
    card = description.card if isinstance(description, DatasetDescription) else None
    known = [t for t, target in enumerate(description.targets) if target.n_values]
    first = known[0] if known else 0
    values = table.exact[:, first]
    rows = spread_rows(values, {molecule.row for molecule in description.bad})
    return render(
        "rnc_graph.reporting.pages",
        "data.html",
        "page.css",
        title=card.title if card else description.name,
        notes=[note.split("\n") for note in notes],
        facts=[(what, text.split("\n")) for what, text in facts(description)],
        targets=list(map(_target, description.targets)),
        first=table.target_names[first],
        molecules=[
            {
                "picture": labeled(molecule_svg(table.smiles[row]), table.smiles[row]),
                "value": numbers.rounded(values[row]),
            }
            for row in rows.tolist()
        ],
    )


def _target(target: TargetDescription) -> dict[str, Any]:
    tallest = max(int(target.counts.max()), 1)
    step = _WIDTH / BINS
    bars = [
        (round(step * n, 1), round(105 - height, 1), round(height, 1))
        for n, height in enumerate(_HEIGHT * target.counts / tallest)
    ]
    bounds = f", {plural(target.bounds, 'bound')}" if target.bounds else ""
    missing = f", {target.missing:,} missing" if target.missing else ""
    of_values = f"{'; of the values: ' if bounds else ', '}mean {numbers.rounded(target.mean)}"
    return {
        "name": numbers.with_unit(target.name, target.unit),
        "summary": f"{target.n_values:,} values{bounds}{missing}{of_values}, standard deviation "
        f"{numbers.rounded(target.sd)}, median {numbers.rounded(target.quantiles[3])}",
        "warnings": warnings_of(target),
        "bars": bars,
        "least": numbers.rounded(target.quantiles[0]),
        "greatest": numbers.rounded(target.quantiles[-1]),
    }
