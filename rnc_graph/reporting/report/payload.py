"""What the page shows, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data import MoleculeTable
from rnc_graph.data.descriptors import morgan_fingerprints
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.results import FinishedRun, Table, parts, title_of
from rnc_graph.metrics import rank_methods, tied_with_best
from rnc_graph.reporting.report.drawing import kind_of, label_of, picture_of
from rnc_graph.reporting.report.maps import lay_out
from rnc_graph.reporting.report.opened import Results

# Points in a page: fewer seeds are shown where there are more, and then fewer conditions.
MOST_POINTS = 60_000

_WORST = 12
# Samples on a map; of a larger part as many, evenly spaced.
_MAPPED = 1_000


def payload(results: Results, maps: str) -> dict[str, Any]:
    """Return what the page shows."""
    experiment = results.experiment
    shown, seeds = _bounded(results)
    sets = results.datasets.sets
    fingerprints = {
        name: morgan_fingerprints(table.smiles).astype(np.float32)
        for name in {shown_table.data for shown_table in shown}
        if isinstance(table := sets[name].table, MoleculeTable)
    }
    detailed = [_details(results, table, seeds, maps, fingerprints) for table in shown]
    needed = {(c["data"], point[0]) for c in detailed for row in c["points"] for point in row["at"]}
    needed |= {(c["data"], n) for c in detailed for plane in c["planes"] for n in plane["samples"]}
    needed |= {(c["data"], m["sample"]) for c in detailed for m in c["worst"]}
    return {
        "part": parts(experiment)[0],
        "conditions": [_condition(experiment.splits[t.split].axes, t) for t in results.tables],
        "details": {table.name: found for table, found in zip(shown, detailed, strict=True)},
        "left_out": _left_out(results, shown, seeds),
        "samples": {
            data: {
                str(row): {
                    "label": label_of(loaded, row),
                    "measured": float(loaded.table.targets[row, 0]),
                    "picture": picture_of(loaded, row),
                }
                for row in sorted(row for of, row in needed if of == data)
            }
            for data, loaded in sets.items()
        },
        "kinds": {data: kind_of(loaded) for data, loaded in sets.items()},
        "maps": maps,
        "ranking": ranking_of(results.tables, parts(experiment)[0]),
    }


def _condition(axes: dict[str, Any], table: Table) -> dict[str, Any]:
    """Return what the choosers, the curves and the forest plot show of a table."""
    return {
        "name": table.name,
        "data": table.data,
        "split": table.split,
        "encoder": table.encoder,
        "score": table.scoring.title,
        "score_in_words": title_of(table),
        "axes": axes,
        "rows": [
            {
                "name": row.name,
                "baseline": row.baseline,
                "reference": row.reference,
                "errors": {
                    f"{part} {table.scoring.metrics[metric]}": [s.mean, s.low, s.high]
                    for (part, scale, metric), s in row.summaries.items()
                    if scale == table.scoring.scale
                    and metric in (table.scoring.ranked_by, table.scoring.beside)
                },
                "difference": (
                    [d.mean, d.low, d.high, d.p_holm] if (d := table.difference(row)) else None
                ),
            }
            for row in table.rows
        ],
    }


def ranking_of(tables: Sequence[Table], part: str) -> dict[str, Any] | None:
    """Return average ranks over the conditions that all have the same rows."""
    names = [row.name for row in tables[0].rows]
    alike = [table for table in tables if {row.name for row in table.rows} == set(names)]
    if len(alike) < 2 or len(names) < 3:
        return None
    errors = [[t.error({r.name: r for r in t.rows}[n], part).mean for n in names] for t in alike]
    ranking = rank_methods(np.array(errors), names)
    return {
        "names": ranking.names,
        "ranks": ranking.ranks,
        "conditions": ranking.conditions,
        "friedman": ranking.friedman,
        "critical": ranking.critical,
        "groups": ranking.groups,
    }


def _bounded(results: Results) -> tuple[list[Table], int]:
    """Return the conditions and the number of seeds that are shown molecule by molecule."""
    part = parts(results.experiment)[0]
    sizes = {run.planned.data: len(run.tensors[f"{part}_rows"]) for run in reversed(results.runs)}
    shown: list[Table] = []
    points = 0
    seeds = 5
    for table in results.tables:
        points += sizes[table.data] * len(table.rows) * min(seeds, len(table.rows[0].seeds))
        if points > MOST_POINTS and shown:
            break
        shown.append(table)
    return shown, seeds


def _left_out(results: Results, shown: Sequence[Table], seeds: int) -> str:
    most = max(len(table.rows[0].seeds) for table in shown)
    said = []
    if most > seeds:
        said.append(f"the first {seeds} of {most} seeds")
    if len(shown) < len(results.tables):
        said.append(f"{len(shown)} of {len(results.tables)} conditions")
    return f"Point by point this page shows {' and '.join(said)}." if said else ""


def _details(
    results: Results,
    table: Table,
    seeds: int,
    maps: str,
    fingerprints: Mapping[str, NDArray[np.float32]],
) -> dict[str, Any]:
    """Return what is shown of a condition molecule by molecule, and epoch by epoch."""
    part = parts(results.experiment)[0]
    chosen = table.rows[0].seeds[:seeds]
    runs = {
        (run.planned.row, run.planned.seed): run for run in results.runs if table.holds(run.planned)
    }
    samples = results.tables_of_data[table.data]
    measured = samples.targets[:, 0]
    classes = list(samples.classes)
    rows = []
    for row in table.rows:
        at = []
        for seed in chosen:
            run = runs[row.name, seed]
            numbers = run.tensors[f"{part}_rows"].tolist()
            predicted = run.tensors[f"{part}_predictions"][:, 0].tolist()
            at += [[n, float(f"{p:.5g}"), seed] for n, p in zip(numbers, predicted, strict=True)]
        rows.append({"name": row.name, "at": at})
    worst = _worst(rows, measured, wrong_or_right=bool(classes))
    if classes:
        # Points that lie on each other say less than how many there are.
        rows = [_confused(row, measured, len(classes)) for row in rows]
    return {
        "data": table.data,
        "classes": classes,
        "target": samples.target_names[0],
        "unit": table.unit,
        "points": rows,
        "distance": _distances(results, table, runs, chosen, fingerprints),
        "worst": worst,
        "curves": [
            curve
            for row in table.rows
            if not row.baseline
            for curve in _curves(results, row.name, [runs[row.name, s] for s in row.seeds])
        ],
        "planes": [
            _plane(results, runs[row.name, table.rows[0].seeds[0]], maps)
            for row in table.rows
            if not row.baseline
        ],
    }


def _confused(row: dict[str, Any], measured: NDArray[np.float64], classes: int) -> dict[str, Any]:
    """Return how often a row takes each class (line) for each (column), all seeds together."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    for sample, predicted, _ in row["at"]:
        counts[int(measured[sample]), int(predicted)] += 1
    return {"name": row["name"], "at": [], "confusion": counts.tolist()}


def _plane(results: Results, run: FinishedRun, maps: str) -> dict[str, Any]:
    part = parts(results.experiment)[0]
    every = run.tensors[f"{part}_rows"].numpy()
    chosen = np.unique(np.linspace(0, len(every) - 1, min(len(every), _MAPPED)).astype(np.int64))
    numbers = every[chosen]
    labels = results.tables_of_data[run.planned.data].targets[numbers, 0]
    plane = lay_out(run.tensors["embedding"].numpy()[chosen], labels, maps)
    return {
        "name": run.planned.row,
        "seed": run.planned.seed,
        "samples": numbers.tolist(),
        "x": [float(f"{v:.4g}") for v in plane[:, 0]],
        "y": [float(f"{v:.4g}") for v in plane[:, 1]],
    }


def _curves(results: Results, row: str, runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """Return the mean of each noted value over the seeds, with its least and greatest."""
    found = []
    stages = {
        "stage 1": [results.pretraining_history(run) for run in runs],
        "stage 2": [run.record["history"] for run in runs],
    }
    for stage, histories in stages.items():
        if not all(histories):
            continue
        epochs = min(map(len, histories))
        for name in histories[0][0]:
            values = np.array([[epoch[name] for epoch in h[:epochs]] for h in histories])
            found.append(
                {
                    "row": row,
                    "stage": stage,
                    "what": name.replace("_", " "),
                    "mean": _rounded(values.mean(0)),
                    "low": _rounded(values.min(0)),
                    "high": _rounded(values.max(0)),
                }
            )
    return found


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _distances(
    results: Results,
    table: Table,
    runs: dict[tuple[str, int], FinishedRun],
    seeds: Sequence[int],
    fingerprints: Mapping[str, NDArray[np.float32]],
) -> dict[str, list[float]]:
    """Return 1 - Tanimoto similarity to the nearest training molecule, by seed.

    Of images there is no such distance, and nothing is returned.
    """
    if table.data not in fingerprints:
        return {}
    part = parts(results.experiment)[0]
    molecules = results.tables_of_data[table.data]
    bits = fingerprints[table.data]
    counts = bits.sum(1)
    found = {}
    for seed in seeds:
        run = runs[table.rows[0].name, seed]
        try:
            split = results.experiment.splits[table.split].recipe().prepare(molecules, seed)
        except RncGraphError:  # A splitter that looks at a file that is not here any more.
            continue
        own, train = run.tensors[f"{part}_rows"].numpy(), split.train.numpy()
        common = bits[own] @ bits[train].T
        either = counts[own][:, None] + counts[train][None] - common
        nearest = (common / np.maximum(either, 1)).max(1)
        found[str(seed)] = _rounded(1 - nearest.astype(np.float64))
    return found


def _worst(
    rows: Sequence[dict[str, Any]], measured: NDArray[np.float64], *, wrong_or_right: bool
) -> list[dict[str, Any]]:
    """Return the samples with the largest mean error over all rows, with each row's.

    Of classes the error is 1 where the class is wrong.
    """
    errors: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        for sample, predicted, _ in row["at"]:
            own = errors.setdefault(sample, {}).setdefault(row["name"], [])
            error = predicted - measured[sample]
            own.append(float(error != 0) if wrong_or_right else error)
    mean = {
        sample: float(np.mean([abs(e) for of_row in found.values() for e in of_row]))
        for sample, found in errors.items()
    }
    worst = sorted(mean, key=lambda sample: (-mean[sample], sample))[:_WORST]
    return [
        {
            "sample": sample,
            "mean": float(f"{mean[sample]:.4g}"),
            "errors": {
                name: float(f"{np.mean(found):.3g}") for name, found in errors[sample].items()
            },
        }
        for sample in worst
    ]


def best_and_tied(table: Table, part: str, metric: str) -> tuple[str, set[str]]:
    """Return the row with the least mean, and those that cannot be told from it."""
    scale = table.scoring.scale
    values = {row.name: row.summaries[part, scale, metric].values for row in table.rows}
    best = min(values, key=lambda name: float(np.mean(values[name])))
    return best, tied_with_best(values) - {best}
