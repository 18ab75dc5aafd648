"""The page: HTML that is read without JavaScript, charts for who has it, all in one file."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from pathlib import Path

import yaml
from threadpoolctl import threadpool_limits

from rnc_graph.experiments.protocol import notes
from rnc_graph.experiments.results import Row, Table, parts
from rnc_graph.files import write_text
from rnc_graph.metrics import Scoring, Summary
from rnc_graph.reporting.report.latex import as_latex
from rnc_graph.reporting.report.opened import Results, open_results
from rnc_graph.reporting.report.paper import draw_figures
from rnc_graph.reporting.report.payload import best_and_tied, payload
from rnc_graph.reporting.report.words import summary


def write_report(folder: Path, *, maps: str = "pca") -> list[Path]:
    """Write ``report.html`` and the files for a paper; equal results give equal bytes.

    Args:
        folder: of a finished experiment.
        maps: how embeddings are laid out: "pca", "tsne" or "umap".

    Raises:
        RncGraphError: the folder is none of a finished experiment, or the map is unknown.
    """
    results = open_results(folder)
    page = folder / "report.html"
    # On one thread: the same bytes on any number of processors, and quicker for such small sets.
    with threadpool_limits(1):
        write_text(page, as_html(results, maps))
    latex = folder / "paper" / "table.tex"
    write_text(latex, as_latex(results.experiment, results.tables))
    return [page, latex, *draw_figures(results, folder / "paper")]


def as_html(results: Results, maps: str) -> str:
    """Return the page."""
    from plotly.offline import get_plotlyjs

    room = files("rnc_graph.reporting.report")
    experiment = results.experiment
    data = json.dumps(payload(results, maps), separators=(",", ":"), sort_keys=True)
    parts_of_page = {
        "title": escape(experiment.title or experiment.name),
        "summary": "".join(f"<li>{escape(s)}</li>" for s in summary(experiment, results.tables)),
        "command": escape(results.command),
        "conditions": "".join(
            f'<option value="{number}">{escape(table.name)}</option>'
            for number, table in enumerate(results.tables)
        ),
        "tables": "".join(
            _table(table, number, parts(experiment)[0])
            for number, table in enumerate(results.tables)
        ),
        "protocol": "".join(
            f"<p>{escape(note)}</p>"
            for note in notes(experiment, [table.scoring for table in results.tables])
        ),
        "spec": escape(
            yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        ),
        "versions": "".join(
            f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in results.versions.items()
        ),
        "style": (room / "report.css").read_text(encoding="utf-8"),
        "script": (room / "report.js").read_text(encoding="utf-8"),
        # A closing tag in a string would end the script.
        "payload": data.replace("</", "<\\/"),
        "plotly": get_plotlyjs().replace("</script", "<\\/script"),
    }
    page = (room / "template.html").read_text(encoding="utf-8")
    for name, content in parts_of_page.items():
        page = page.replace(f"%%{name}%%", content)
    return page


def _headings(scoring: Scoring) -> list[tuple[str, str]]:
    """Return the columns with how each is sorted, "" for not at all."""
    return [
        ("method", "text"),
        (scoring.title, "number"),
        ("95% interval", ""),
        (scoring.metrics[scoring.beside], "number"),
        *((f"{scoring.title}, {scale}", "number") for scale in scoring.scales[1:]),
        (f"Δ {scoring.title}", "number"),
        *_OF_DIFFERENCES,
    ]


_OF_DIFFERENCES = (
    ("its 95% interval", ""),
    ("p (Holm)", "number"),
    ("Wilcoxon (Holm)", "number"),
    ("p, overlap allowed for", "number"),
    ("effect d", "number"),
    ("win–tie–loss", ""),
    ("could have shown", "number"),
)


def _table(table: Table, number: int, part: str) -> str:
    best, tied = best_and_tied(table, part, table.scoring.ranked_by)
    heads = "".join(
        f'<th scope="col"><button type="button" data-kind="{kind}">{escape(title)}</button></th>'
        if kind
        else f'<th scope="col">{escape(title)}</th>'
        for title, kind in _headings(table.scoring)
    )
    lines = "".join(_line(table, row, part, best, tied) for row in table.rows)
    seeds = len(table.rows[0].seeds)
    unit = f", unit {escape(table.unit)}" if table.unit else ""
    standardized = table.scoring.scale == "standardized"
    scale = "in standard deviations of the target" if standardized else "share of wrong classes"
    return (
        f'<section class="condition" data-condition="{number}"><h3>{escape(table.name)}</h3>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table of '
        f'{escape(table.name)}"><table class="results"><caption>{seeds} seeds, {part} part, '
        f"{scale}{unit}. <b>Best</b>, "
        '<span class="tied">tied with it</span>.</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div></section>"
    )


def _line(table: Table, row: Row, part: str, best: str, tied: set[str]) -> str:
    scoring = table.scoring
    error = table.error(row, part)
    beside = row.summaries[part, scoring.scale, scoring.beside]
    d = table.difference(row)
    mark = " class=best" if row.name == best else " class=tied" if row.name in tied else ""
    cells = [
        (_mean(error), error.mean),
        (_interval(error.low, error.high), None),
        (_mean(beside), beside.mean),
    ]
    for scale in scoring.scales[1:]:
        other = row.summaries[part, scale, scoring.ranked_by]
        cells.append((_mean(other), other.mean))
    if d is None:
        cells += [("reference" if not row.baseline else "", None)] + [("", None)] * 7
    else:
        cells += [
            (f"{d.mean:+.3f}", d.mean),
            (_interval(d.low, d.high), None),
            (_p(d.p_holm), d.p_holm),
            (_p(d.wilcoxon_holm), d.wilcoxon_holm),
            (_p(d.corrected_p), d.corrected_p),
            ("" if d.effect is None else f"{d.effect:+.2f}", d.effect),
            (f"{d.wins}–{d.ties}–{d.losses}", None),
            ("" if d.detectable is None else f"{d.detectable:.3f}", d.detectable),
        ]
    kind = " class=baseline" if row.baseline else ""
    return (
        f"<tr{kind}><th scope=row{mark}>{escape(row.name)}</th>"
        + "".join(
            _cell(text, value, mark if place == 0 else "")
            for place, (text, value) in enumerate(cells)
        )
        + "</tr>"
    )


def _cell(text: str, value: float | None, mark: str) -> str:
    order = "" if value is None else f' data-value="{value:.9g}"'
    return f"<td{mark}{order}>{escape(text)}</td>"


def _mean(summary: Summary) -> str:
    return f"{summary.mean:.3f}" + ("" if summary.sd is None else f" ± {summary.sd:.3f}")


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
