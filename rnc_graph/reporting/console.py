"""Results on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from rnc_graph.reporting import numbers
from rnc_graph.reporting.markup import one_line
from rnc_graph.reporting.protocol import notes
from rnc_graph.reporting.tables import ResultTable
from rnc_graph.reporting.text_tables import text_tables

if TYPE_CHECKING:
    from rnc_graph.experiments import Experiment
    from rnc_graph.experiments.forecast import Forecast
    from rnc_graph.experiments.search import SearchOutcome
    from rnc_graph.models import Evaluation


def print_tables(console: Console, experiment: Experiment, tables: Sequence[ResultTable]) -> None:
    """Print the tables of an experiment, and its protocol below them."""
    for table in tables:
        for text in text_tables(experiment, table):
            shown = Table(title=_shown(text.title), title_justify="left", box=SIMPLE_HEAD)
            for heading in text.header:
                shown.add_column(_shown(heading), overflow="fold")
            for number, cells in enumerate(text.cells, start=1):
                last_method = number == len(text.cells) - text.baselines
                shown.add_row(*map(_shown, cells), end_section=last_method)
            _print(console, shown)
    for note in notes(experiment, [table.scoring for table in tables]):
        console.print(note, style="dim", highlight=False, markup=False)


def _shown(text: str) -> str:
    """Return text that the terminal prints as it is, without control characters."""
    return escape(one_line(text))


def _print(console: Console, table: Table) -> None:
    """Print a table; where no terminal limits the width, without a line break in a cell."""
    if not console.is_terminal:
        unlimited = console.options.update(max_width=10_000)
        console.width = max(console.width, Measurement.get(console, unlimited, table).maximum)
    console.print(table)


def print_forecast(console: Console, found: Forecast) -> None:
    """Print what an experiment would do."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("data", "split", "encoder", "method"):
        table.add_column(heading)
    for heading in ("seeds", "done"):
        table.add_column(heading, justify="right")
    for line in found.lines:
        names = (line.data, line.split, line.encoder, line.row)
        table.add_row(*map(_shown, names), str(line.seeds), str(line.done))
    _print(console, table)
    runs, done = (sum(getattr(line, name) for line in found.lines) for name in ("seeds", "done"))
    console.print(
        f"{runs} runs, {done} of them done; {found.missing} of {found.tasks} tasks to do, "
        f"pretraining included: about {numbers.duration(found.seconds)}",
        highlight=False,
    )


def print_search(console: Console, outcome: SearchOutcome) -> None:
    """Print the ten best trials of a search."""
    from rnc_graph.experiments.search.trial import values_in_words

    table = Table(box=SIMPLE_HEAD)
    for heading in ("trial", outcome.score, "settings"):
        table.add_column(_shown(heading))
    scored = [(v, n, s) for n, (v, s) in enumerate(outcome.trials) if v is not None]
    for value, trial, settings in sorted(scored, key=lambda found: found[:2])[:10]:
        table.add_row(str(trial + 1), f"{value:.4f}", _shown(values_in_words(settings)))
    _print(console, table)


def print_evaluation(console: Console, evaluation: Evaluation, title: str) -> None:
    """Print the metrics of a model, a column a target."""
    from rnc_graph.reporting.model_card import METRICS, metric_cells

    count = numbers.plural(len(evaluation.rows), "row")
    table = Table(title=_shown(f"{title}: {count}"), title_justify="left")
    table.add_column("")
    for target, unit in zip(evaluation.targets, evaluation.units, strict=True):
        table.add_column(_shown(numbers.with_unit(target, unit)), justify="right")
    cells = [metric_cells(evaluation, number) for number in range(len(evaluation.targets))]
    for row, name in enumerate(METRICS.values()):
        table.add_row(name, *(_shown(column[row]) for column in cells))
    _print(console, table)
