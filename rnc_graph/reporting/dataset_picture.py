"""The picture of a named data set: its labels, and a dozen molecules spread over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data import MoleculeTable
from rnc_graph.data.catalog import DatasetDescription, NamedDataset, load_named_dataset
from rnc_graph.data.catalog.description import describe
from rnc_graph.errors import BadValueError
from rnc_graph.reporting import numbers, style
from rnc_graph.reporting.sample_pictures import molecule_pixels

MOLECULES = 12
_COLUMNS = 6
_PANEL = (1.9, 1.75)  # inches, of one molecule with its label
_MOLECULE = (1.8, 1.66)
_HISTOGRAMS = 2.7  # inches


def draw_dataset(name: str, path: Path, *, download: bool = False) -> None:
    """Draw a named data set: a histogram a target, and molecules from the least label to the most.

    The molecules are at even steps of the first target's range, which their color shows.

    Raises:
        RncGraphError: no data set has this name, it cannot be loaded, or the suffix of ``path`` is
            of no format that can be drawn.
    """
    from matplotlib.figure import Figure

    if path.suffix.lstrip(".").lower() not in Figure().canvas.get_supported_filetypes():
        raise BadValueError(
            f"{path}: {path.suffix or 'no suffix'!r} is no format of a picture; "
            "try .png, .svg or .pdf"
        )
    draw(load_named_dataset(name, download=download), path)


@style.styled
def draw(dataset: NamedDataset, path: Path) -> None:
    """Draw a data set that is loaded: see :func:`draw_dataset`."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    table, description = dataset.table, describe(dataset)
    rows = spread_rows(table.targets[:, 0], {bad.row for bad in description.bad})
    low, high = description.targets[0].quantiles[[0, -1]]
    colors = colormaps[style.SEQUENTIAL]((table.targets[rows, 0] - low) / ((high - low) or 1.0))
    drawn = -(-len(rows) // _COLUMNS) * _PANEL[1]
    figure = Figure(figsize=(_COLUMNS * _PANEL[0], _HISTOGRAMS + drawn), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[_HISTOGRAMS, drawn])
    _histograms(halves[0], description, table.targets[rows, 0], colors)
    _molecules(halves[1], table, rows, colors)
    style.save(figure, path)


def spread_rows(labels: NDArray[np.float64], skip: set[int]) -> NDArray[np.int64]:
    """Return up to ``MOLECULES`` different rows at even steps of the labels' range, ascending.

    Of labels (N,), NaN where missing, without the rows to skip.
    """
    left = [row for row in np.flatnonzero(~np.isnan(labels)).tolist() if row not in skip]
    chosen: list[int] = []
    if not left:
        return np.array(chosen, dtype=np.int64)
    for wanted in np.linspace(labels[left].min(), labels[left].max(), MOLECULES):
        if left:
            nearest = min(left, key=lambda row: abs(float(labels[row] - wanted)))
            chosen.append(nearest)
            left.remove(nearest)
    return np.array(sorted(chosen, key=lambda row: float(labels[row])))


def _histograms(
    figure: Any,
    description: DatasetDescription,
    drawn: NDArray[np.float64],
    colors: NDArray[np.float64],
) -> None:
    from matplotlib.ticker import MaxNLocator

    card = description.card
    axes = figure.subplots(1, len(description.targets), squeeze=False)[0]
    for axis, target in zip(axes, description.targets, strict=True):
        axis.stairs(target.counts, target.edges, fill=True, color="0.8")
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.set_xlabel(numbers.with_unit(target.name, card.unit))
        missing = f", {target.missing:,} missing" if target.missing else ""
        axis.set_title(f"{target.n_values:,} measured{missing}")
    marks = {"s": 26, "zorder": 3, "clip_on": False, "edgecolors": "white", "linewidths": 0.5}
    axes[0].scatter(drawn, np.zeros(len(drawn)), c=colors, **marks)
    axes[0].set_ylabel("molecules")
    figure.suptitle(f"{card.name}: {card.title}")


def _molecules(
    figure: Any, table: MoleculeTable, rows: NDArray[np.int64], colors: NDArray[np.float64]
) -> None:
    axes = figure.subplots(-(-len(rows) // _COLUMNS), _COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for axis, row, color in zip(axes, rows.tolist(), colors, strict=False):
        axis.imshow(molecule_pixels(table.smiles[row], *_MOLECULE))
        axis.spines["bottom"].set(visible=True, color=color, linewidth=3)
        axis.set_xlabel(f"{table.targets[row, 0]:.4g}")
    if len(table.target_names) > 1:
        figure.suptitle(f"by {numbers.with_unit(table.target_names[0], table.unit)}")
