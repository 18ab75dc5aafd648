"""The files of a report: the page, and figures and tables for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnc_graph.errors import MissingFileError
from rnc_graph.files import write_text

if TYPE_CHECKING:  # A folder that is not an experiment's is refused before the seconds they take.
    from rnc_graph.experiments.results import Outcome
    from rnc_graph.reporting.tables import ResultTable


@dataclass(frozen=True)
class Results:
    """All that a folder of results holds.

    ``command`` makes the results again; ``versions`` are those of the libraries that made them.
    """

    outcome: Outcome
    tables: list[ResultTable]
    command: str
    versions: Mapping[str, str]


def open_results(folder: Path) -> Results:
    """Open a folder that ``rnc-graph run`` has finished.

    Raises:
        RncGraphError: it is not such a folder, or runs are missing.
    """
    for name in ("spec.yaml", "table.json", "versions.json", "runs.json", "store"):
        if not (folder / name).exists():
            raise MissingFileError(
                f"{folder}: has no {name}; give the folder of a finished experiment, or finish it "
                "with `rnc-graph run`"
            )
    from rnc_graph.experiments.results import open_outcome
    from rnc_graph.experiments.store import read_json
    from rnc_graph.reporting.tables import tabulate

    outcome = open_outcome(folder)
    command = str(read_json(folder / "table.json").get("command", ""))
    versions = read_json(folder / "versions.json")
    return Results(outcome, tabulate(outcome), command, versions)


def write_report(folder: Path, *, maps: str = "pca", every_figure: bool = False) -> list[Path]:
    """Write ``report.html`` and the files for a paper; equal results give equal bytes.

    Args:
        folder: of a finished experiment.
        maps: how embeddings are projected: "pca", "tsne" or "umap".
        every_figure: whether to draw the figures of each table too, into ``figures/``.

    Raises:
        RncGraphError: the folder is not that of a finished experiment, or the map is unknown.
    """
    results = open_results(folder)
    from threadpoolctl import threadpool_limits

    from rnc_graph.reporting.experiment_folder import draw_tables
    from rnc_graph.reporting.report.page import as_html
    from rnc_graph.reporting.text_tables import as_latex

    page, latex = folder / "report.html", folder / "paper" / "table.tex"
    # One thread: the same bytes on any number of processors, and quicker for such small sets.
    with threadpool_limits(1):
        write_text(page, as_html(results, maps))
        write_text(latex, as_latex(results.outcome.experiment, results.tables))
        written = [page, latex, *_draw(results, folder / "paper")]
        if every_figure:
            written += draw_tables(folder / "figures", results.outcome, results.tables)
        return written


def _draw(results: Results, folder: Path) -> list[Path]:
    """Draw what the experiment has and return the paths."""
    from rnc_graph.reporting import experiment_figures as figures
    from rnc_graph.reporting import numbers, style
    from rnc_graph.reporting.over_datasets import draw_by_size, over_datasets, ranking_of

    experiment, tables = results.outcome.experiment, results.tables
    drawn = {
        "differences": figures.draw_differences(tables),
        "ranks": figures.draw_ranks(ranking_of(tables)),
        "over_data_sets": draw_by_size(
            over_datasets(experiment, tables),
            {name: len(table.rows) for name, table in results.outcome.tables.items()},
            tables[0].score_title,
        ),
    }
    for axis in figures.numeric_axes(experiment):
        drawn[f"by_{axis}"] = figures.draw_along_axis(experiment, tables, axis)
    written = []
    for name, figure in drawn.items():
        if figure is not None:
            if trial := numbers.trial(experiment.samples):
                figure.suptitle(f"{figure.get_suptitle()}\n{trial}", fontsize=9)
            for suffix in ("svg", "png"):
                written.append(folder / f"{name}.{suffix}")
                style.save(figure, written[-1])
    return written
