"""The page: HTML that is read without JavaScript, charts for who has it, all in one file."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from pathlib import Path

import yaml
from threadpoolctl import threadpool_limits

from rnc_graph.evaluation import Summary
from rnc_graph.experiments.results import RANKED_BY, Row, Table, parts
from rnc_graph.experiments.sheets import notes
from rnc_graph.files import write_text
from rnc_graph.report.latex import as_latex
from rnc_graph.report.opened import Results, open_results
from rnc_graph.report.paper import draw_figures
from rnc_graph.report.payload import best_and_tied, payload
from rnc_graph.report.words import summary


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

    room = files("rnc_graph.report")
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
        "protocol": "".join(f"<p>{escape(note)}</p>" for note in notes(experiment)),
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


_HEADINGS = (
    ("method", "text"),
    ("RMSE", "number"),
    ("95% interval", ""),
    ("MAE", "number"),
    ("RMSE, unit", "number"),
    ("Δ RMSE", "number"),
    ("its 95% interval", ""),
    ("p (Holm)", "number"),
    ("Wilcoxon (Holm)", "number"),
    ("p, overlap allowed for", "number"),
    ("effect d", "number"),
    ("win–tie–loss", ""),
    ("could have shown", "number"),
)


def _table(table: Table, number: int, part: str) -> str:
    best, tied = best_and_tied(table, part, "standardised", RANKED_BY)
    heads = "".join(
        f'<th scope="col"><button type="button" data-kind="{kind}">{escape(title)}</button></th>'
        if kind
        else f'<th scope="col">{escape(title)}</th>'
        for title, kind in _HEADINGS
    )
    lines = "".join(_line(row, part, best, tied) for row in table.rows)
    seeds = len(table.rows[0].seeds)
    unit = f", unit {escape(table.unit)}" if table.unit else ""
    return (
        f'<section class="condition" data-condition="{number}"><h3>{escape(table.name)}</h3>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table of '
        f'{escape(table.name)}"><table class="results"><caption>{seeds} seeds, {part} part, in '
        f"standard deviations of the target{unit}. <b>Best</b>, "
        '<span class="tied">tied with it</span>.</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div></section>"
    )


def _line(row: Row, part: str, best: str, tied: set[str]) -> str:
    rmse, mae = (row.summaries[part, "standardised", metric] for metric in ("rmse", "mae"))
    unit = row.summaries[part, "unit", "rmse"]
    d = row.differences.get(RANKED_BY)
    mark = " class=best" if row.name == best else " class=tied" if row.name in tied else ""
    cells = [
        (_mean(rmse), rmse.mean),
        (_interval(rmse.low, rmse.high), None),
        (_mean(mae), mae.mean),
        (_mean(unit), unit.mean),
    ]
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
