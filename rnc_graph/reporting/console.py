"""Results on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnc_graph.errors import plural
from rnc_graph.reporting import numbers
from rnc_graph.reporting.markup import one_line

if TYPE_CHECKING:
    from rnc_graph.experiments.forecast import Forecast
    from rnc_graph.experiments.results import Outcome
    from rnc_graph.experiments.search import SearchOutcome
    from rnc_graph.models import Evaluation
    from rnc_graph.models.build import Built, DataSetup
    from rnc_graph.reporting.tables import ResultTable


def print_table(
    console: Console,
    header: Sequence[str],
    lines: Sequence[Sequence[str]],
    *,
    title: str = "",
    right: bool = False,
    last: int = 0,
    fold: int = 16,
) -> None:
    """Print a table without a line break inside a word, except for long words of the first column.

    A terminal that is too narrow shows the columns in several tables, one below the other. Where no
    terminal limits the width, no cell has a line break.

    Args:
        console: the terminal, file or pipe.
        header: of the columns.
        lines: of cells, as they are to be shown.
        title: for above the table.
        right: whether all columns but the first are right-aligned.
        last: how many of the last lines a rule separates.
        fold: characters of the first column's words that a narrow terminal leaves together.
    """
    cells = [[one_line(cell) for cell in line] for line in [header, *lines]]
    columns = list(zip(*cells, strict=True))
    longest = [max(map(cell_len, column)) for column in columns]
    least = [max(cell_len(word) for text in c for word in text.split() or " ") for c in columns]
    least[0] = min(least[0], fold)
    space = console.width if console.is_terminal else 10_000
    others = range(1, len(columns))
    for count in range(1, len(columns) + 1):
        size = max(1, math.ceil(len(others) / count))
        chunks = [[0, *others[start : start + size]] for start in range(0, len(others), size)]
        if all(sum(least[c] + 3 for c in chosen) + 1 <= space for chosen in chunks):
            break
    for chosen in chunks:
        widths = {c: least[c] for c in chosen}
        left = space - sum(widths.values()) - 3 * len(chosen) - 1
        # What space is left goes to the other columns first: the first one may break its words.
        for group in (chosen[1:], chosen[:1]):
            while left > 0 and (short := [c for c in group if widths[c] < longest[c]]):
                for c in short[:left]:
                    widths[c] += 1
                left -= len(short)
        # As text, the terminal prints it as it is: no markup, no emoji.
        table = Table(title=Text(one_line(title)), title_justify="left", box=SIMPLE_HEAD)
        for c in chosen:
            side: Literal["left", "right"] = "right" if right and c else "left"
            table.add_column(Text(cells[0][c]), overflow="fold", width=widths[c], justify=side)
        for number, line in enumerate(cells[1:], start=1):
            rule = number == len(cells) - 1 - last
            table.add_row(*(Text(line[c]) for c in chosen), end_section=rule)
        if not console.is_terminal:
            console.width = max(console.width, sum(widths.values()) + 3 * len(chosen) + 1)
        console.print(table)


def print_tables(console: Console, outcome: Outcome, tables: Sequence[ResultTable]) -> None:
    """Print the tables of an experiment, and its protocol below them."""
    from rnc_graph.reporting.protocol import notes
    from rnc_graph.reporting.text_tables import text_tables

    experiment = outcome.experiment
    for text in text_tables(experiment, tables):
        print_table(console, text.header, text.cells, title=text.title, last=text.baselines)
    for note in notes(experiment, tables[0].scoring, outcome.tables):
        console.print(note, style="dim", highlight=False, markup=False)


def print_forecast(console: Console, found: Forecast) -> None:
    """Print what an experiment would do."""
    header = ("data", "split", "encoder", "method", "seeds", "done")
    lines = [
        (line.data, line.split, line.encoder, line.method, str(line.seeds), str(line.done))
        for line in found.lines
    ]
    print_table(console, header, lines)
    runs, done = (sum(getattr(line, name) for line in found.lines) for name in ("seeds", "done"))
    console.print(
        f"{runs} runs, {done} of them done; {found.missing} of {found.tasks} tasks to do, "
        f"pretraining included: about {numbers.duration(found.seconds)}, up to a factor of 2",
        highlight=False,
    )


def print_search(console: Console, outcome: SearchOutcome) -> None:
    """Print the ten best trials of a search."""
    from rnc_graph.experiments.search.trial import values_in_words

    scored = [(v, n, s) for n, (v, s) in enumerate(outcome.trials) if v is not None]
    best = sorted(scored, key=lambda found: found[:2])[:10]
    lines = [(str(n + 1), f"{value:.4f}", values_in_words(s)) for value, n, s in best]
    print_table(console, ("trial", outcome.score, "settings"), lines)


def print_evaluation(console: Console, evaluation: Evaluation, title: str) -> None:
    """Print the metrics of a model, a column a target."""
    from rnc_graph.reporting.model_card import metric_cells, metrics_of

    scales = evaluation.scales()
    targets = [numbers.with_unit(scale.targets[n], scale.units[n]) for scale, n in scales]
    cells = [metric_cells(scale, n) for scale, n in scales]
    lines = list(zip(metrics_of(evaluation).values(), *cells, strict=True))
    title = f"{title}: {plural(len(evaluation.rows), 'row')}"
    print_table(console, ["", *targets], lines, title=title, right=True)


def print_built(console: Console, built: Built, setup: DataSetup) -> None:
    """Print the metrics of a new model, and its errors with those of its members and baselines."""
    from rnc_graph.reporting.comparisons import RIVALS, rivals
    from rnc_graph.reporting.model_card import evaluated

    evaluation, name = evaluated(built)
    print_evaluation(console, evaluation, name)
    cells, better = rivals(built, setup)
    print_table(console, RIVALS, cells, title="The model, its members and baselines")
    for line in better:
        console.print(line, markup=False, soft_wrap=True)
