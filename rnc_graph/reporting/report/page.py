"""The page: HTML that is read without JavaScript, charts for who has it, all in one file."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from rnc_graph.errors import plural
from rnc_graph.metrics import Scoring
from rnc_graph.reporting import numbers
from rnc_graph.reporting.experiment_folder import spec_text
from rnc_graph.reporting.findings import best_of, findings
from rnc_graph.reporting.protocol import notes
from rnc_graph.reporting.render import render
from rnc_graph.reporting.report.payload import payload
from rnc_graph.reporting.report.write import Results
from rnc_graph.reporting.tables import MethodRow, ResultTable

_OF_DIFFERENCES = (
    ("its 95% interval", ""),
    ("p (Holm)", "number"),
    ("Wilcoxon (Holm)", "number"),
    ("p, uncorrected", "number"),
    ("effect d", "number"),
    ("win–tie–loss", ""),
    ("detectable", "number"),
)


def as_html(results: Results, maps: str) -> str:
    """Return the page.

    All text of the results is escaped, and the page allows no script but its own two. Plotly and
    the data of the charts are compressed: ``report.js`` unpacks them.
    """
    from plotly.offline import get_plotlyjs

    package = "rnc_graph.reporting.report"
    script = (files(package) / "report.js").read_text(encoding="utf-8")
    experiment, tables = results.outcome.experiment, results.tables
    plotly = get_plotlyjs()
    return render(
        package,
        "template.html",
        "report.css",
        policy=Markup(_policy(plotly, script)),
        title=experiment.title or experiment.name,
        trial=numbers.trial(experiment.samples),
        summary=findings(experiment, tables),
        command=results.command,
        compared=f"The {tables[0].score_title}",
        tables=[_table(table) for table in tables],
        protocol=notes(experiment, tables[0].scoring, results.outcome.tables),
        spec=spec_text(experiment),
        versions=results.versions,
        script=Markup(script),
        payload=pack(
            json.dumps(
                payload(results, maps), separators=(",", ":"), sort_keys=True, allow_nan=False
            )
        ),
        plotly=pack(plotly),
    )


def pack(text: str) -> str:
    """Return text compressed (zlib) and as ASCII (base64), which ``report.js`` unpacks."""
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def _policy(*scripts: str) -> str:
    """Return a Content-Security-Policy that allows these scripts and no request."""
    digests = (hashlib.sha256(script.encode("utf-8")).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(d).decode('ascii')}'" for d in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _headings(scoring: Scoring) -> list[tuple[str, str]]:
    """Return the columns with how each is sorted, "" for not at all."""
    return [
        ("method", "text"),
        (scoring.title, "number"),
        ("95% interval", ""),
        (scoring.metrics[scoring.secondary], "number"),
        *((f"{scoring.title}, {scale}", "number") for scale in scoring.scales[1:]),
        (f"Δ {scoring.title}", "number"),
        *_OF_DIFFERENCES,
    ]


def _table(table: ResultTable) -> dict[str, Any]:
    """Return what the template shows of a table."""
    scoring = table.scoring
    best, tied = table.best_and_tied()
    standardized = scoring.scale == "standardized"
    return {
        "name": table.name,
        "best": best_of(table),
        "seeds": plural(len(table.seeds), "seed"),
        "compared": table.compared,
        "scale": "in standard deviations of the target"
        if standardized
        else "share of wrong classes",
        "unit": table.unit,
        "headings": _headings(scoring),
        "rows": [
            {
                "name": row.name,
                "baseline": row.baseline,
                "mark": "best" if row.name == best else "tied" if row.name in tied else "",
                "cells": _cells(table, row),
            }
            for row in table.rows
        ],
    }


def _cells(table: ResultTable, row: MethodRow) -> list[tuple[str, float | None]]:
    """Return the text of each cell of a row, and what it is sorted by."""
    scoring = table.scoring
    score, secondary = table.score(row), table.score(row, scoring.secondary)
    cells: list[tuple[str, float | None]] = [
        (numbers.mean_and_sd(score), score.mean),
        (numbers.interval(score.low, score.high), None),
        (numbers.mean_and_sd(secondary), secondary.mean),
    ]
    for scale in scoring.scales[1:]:
        other = table.score(row, scale=scale)
        cells.append((numbers.mean_and_sd(other), other.mean))
    d = table.difference(row)
    if d is None:
        return [*cells, ("" if row.baseline else "reference", None), *[("", None)] * 7]
    return [
        *cells,
        (numbers.number(d.mean, sign=True), d.mean),
        (numbers.interval(d.low, d.high, sign=True), None),
        (numbers.p_value(d.p_holm), d.p_holm),
        (numbers.p_value(d.wilcoxon_holm), d.wilcoxon_holm),
        (numbers.p_value(d.uncorrected_p), d.uncorrected_p),
        ("" if d.effect is None else f"{d.effect:+.2f}", d.effect),
        (f"{d.wins}–{d.ties}–{d.losses}", None),
        ("" if d.detectable is None else numbers.number(d.detectable), d.detectable),
    ]
