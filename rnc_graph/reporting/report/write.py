"""The files of a report: the page, and figures and tables for a paper."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from rnc_graph.files import write_text
from rnc_graph.reporting import figures, style
from rnc_graph.reporting.latex import as_latex
from rnc_graph.reporting.report.opened import Results, open_results
from rnc_graph.reporting.report.page import as_html
from rnc_graph.reporting.tables import ranking_of


def write_report(folder: Path, *, maps: str = "pca") -> list[Path]:
    """Write ``report.html`` and the files for a paper; equal results give equal bytes.

    Args:
        folder: of a finished experiment.
        maps: how embeddings are projected: "pca", "tsne" or "umap".

    Raises:
        RncGraphError: the folder is not that of a finished experiment, or the map is unknown.
    """
    results = open_results(folder)
    page, latex = folder / "report.html", folder / "paper" / "table.tex"
    # One thread: the same bytes on any number of processors, and quicker for such small sets.
    with threadpool_limits(1):
        write_text(page, as_html(results, maps))
        write_text(latex, as_latex(results.tables))
        return [page, latex, *_draw(results, folder / "paper")]


def _draw(results: Results, folder: Path) -> list[Path]:
    """Draw what the experiment has and return the paths."""
    experiment, tables = results.outcome.experiment, results.tables
    drawn = {
        "differences": figures.draw_differences(tables),
        "ranks": figures.draw_ranks(ranking_of(tables)),
    }
    for axis in figures.numeric_axes(experiment):
        drawn[f"by_{axis}"] = figures.draw_along_axis(experiment, tables, axis)
    written = []
    for name, figure in drawn.items():
        if figure is not None:
            for suffix in ("svg", "png"):
                written.append(folder / f"{name}.{suffix}")
                style.save(figure, written[-1])
    return written
