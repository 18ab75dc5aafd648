"""What the page shows, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data import MoleculeTable
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.results import FinishedRun, Outcome, evaluated_sets
from rnc_graph.metrics.arrays import FloatArray
from rnc_graph.models.domain import Domain
from rnc_graph.reporting.condition import Condition, condition_of
from rnc_graph.reporting.numbers import score_title
from rnc_graph.reporting.over_datasets import ranking_of
from rnc_graph.reporting.projection import project
from rnc_graph.reporting.report.write import Results
from rnc_graph.reporting.sample_pictures import kind_of, label_of, picture_of
from rnc_graph.reporting.tables import MEAN_OF_TARGETS, ResultTable

# Points in a page: of more, the fewer seeds are shown, and then the fewer conditions.
MOST_POINTS = 34_000
_SEEDS = (5, 3)

_WORST = 12
# Samples on a map; of a larger set as many, evenly spaced.
_MAPPED = 1_000

Fingerprints = Mapping[str, NDArray[np.uint8]]
Predictions = Mapping[str, list[float]]
"""Of a row: one list a seed."""


def payload(results: Results, maps: str) -> dict[str, Any]:
    """Return what the page shows."""
    outcome, tables = results.outcome, results.tables
    # A mean over targets has no samples to show.
    candidates = [table for table in tables if table.target != MEAN_OF_TARGETS]
    shown, seeds = _shown(outcome, candidates)
    sets = outcome.datasets.sets
    fingerprints = {
        name: molecule_features(table.smiles, FeaturizerConfig(fingerprints=True)).fingerprints
        for name in {shown_table.data for shown_table in shown}
        if isinstance(table := sets[name].table, MoleculeTable)
    }
    conditions = [condition_of(outcome, t) for t in shown]
    details = {of.table.name: _details(outcome, of, maps, fingerprints, seeds) for of in conditions}
    by_data = {of.data: of for of in conditions}
    ranking = ranking_of(tables)
    return {
        "compared": evaluated_sets(outcome.experiment)[0],
        "conditions": [
            {
                **_condition(outcome.experiment.splits[t.split].axes, t),
                "unshown": "" if t.name in details else _unshown(t, len(shown), len(candidates)),
            }
            for t in tables
        ],
        "details": details,
        "left_out": _left_out(candidates, len(shown), seeds),
        "samples": {
            data: {
                str(row): {
                    "label": label_of(sets[of.table.data], row),
                    "measured": _short(of.y_true[row], 9),
                    "picture": picture_of(sets[of.table.data], row),
                }
                for row in sorted(_samples(details.values(), data))
            }
            for data, of in by_data.items()
        },
        "kinds": {data: kind_of(sets[of.table.data]) for data, of in by_data.items()},
        "maps": maps,
        "ranking": asdict(ranking) if ranking else None,
    }


def _condition(axes: dict[str, Any], table: ResultTable) -> dict[str, Any]:
    """Return what the menus, the curves and the difference plot show of a table."""
    scoring = table.scoring
    return {
        "name": table.name,
        "data": ", ".join(filter(None, (table.data, table.target))),
        "encoder": table.encoder,
        "score": score_title(scoring),
        "axes": axes,
        "rows": [
            {
                "name": row.name,
                "baseline": row.baseline,
                "score": [(s := table.score(row)).mean, s.low, s.high],
                "difference": (
                    [d.mean, d.low, d.high, d.p_holm] if (d := table.difference(row)) else None
                ),
            }
            for row in table.rows
        ],
    }


def _shown(outcome: Outcome, tables: Sequence[ResultTable]) -> tuple[list[ResultTable], int]:
    """Return the conditions that are shown sample by sample, and of how many seeds.

    They are as many as a page can hold, at least one.
    """
    compared = evaluated_sets(outcome.experiment)[0]
    sizes = {run.data: len(run.tensors[f"{compared}_rows"]) for run in outcome.runs[::-1]}
    fits = 0
    for seeds in _SEEDS:
        points = [sizes[t.data] * len(t.rows) * min(seeds, len(t.seeds)) for t in tables]
        fits = int((np.cumsum(points) <= MOST_POINTS).sum())
        if fits == len(tables):
            break
    return list(tables[: max(1, fits)]), seeds


def _left_out(tables: Sequence[ResultTable], shown: int, seeds: int) -> str:
    # None where there are means over targets alone.
    most = max((len(table.seeds) for table in tables[:shown]), default=0)
    limits = [f"the first {seeds} of {most} seeds"] if most > seeds else []
    limits += [f"{shown} of {len(tables)} conditions"] if shown < len(tables) else []
    return f"Samples are shown for {' and '.join(limits)}." if limits else ""


def _unshown(table: ResultTable, shown: int, of: int) -> str:
    """Say why a condition is not shown sample by sample, and what to look at instead."""
    if table.target == MEAN_OF_TARGETS:
        return (
            "Predictions, embeddings and the largest errors are shown target by target: choose a "
            "condition of one target."
        )
    return (
        "Predictions, embeddings and the largest errors are left out for this condition: a page "
        f"has room for those of {shown} of the {of} conditions, the first ones. "
        "`rnc-graph report FOLDER --figures` draws those of all as pictures."
    )


def _samples(details: Iterable[dict[str, Any]], data: str) -> set[int]:
    """Return the samples of a data set that are shown."""
    found: set[int] = set()
    for detail in (detail for detail in details if detail["data"] == data):
        found.update(*detail["evaluated"].values())
        found.update(sample for plane in detail["planes"] for sample in plane["samples"])
        found.update(worst["sample"] for worst in detail["worst"])
    return found


def _details(
    outcome: Outcome, of: Condition, maps: str, fingerprints: Fingerprints, seeds: int
) -> dict[str, Any]:
    """Return what is shown of a condition sample by sample, and epoch by epoch."""
    y_true = of.y_true
    runs = {row.name: of.runs_of(row)[:seeds] for row in of.table.rows}
    # All methods of a seed predict the same samples.
    evaluated = {str(run.seed): of.evaluated(run).tolist() for own in runs.values() for run in own}
    predicted = {
        name: {str(run.seed): of.predictions(run).tolist() for run in own}
        for name, own in runs.items()
    }
    return {
        "data": of.data,
        "classes": list(of.classes),
        "target": of.target_name,
        "unit": of.table.unit,
        "evaluated": {} if of.classes else evaluated,
        # A matrix shows classes better than points on top of each other.
        "points": [
            {"name": name, "confusion": of.confusion(runs[name]).tolist()}
            if of.classes
            else {"name": name, "predicted": {s: _rounded(y, 4) for s, y in by_seed.items()}}
            for name, by_seed in predicted.items()
        ],
        "distance": _distances(of, fingerprints.get(of.table.data), seeds),
        "worst": _worst(predicted, evaluated, y_true, classes=bool(of.classes)),
        "curves": [
            curve for row in of.methods for curve in _curves(outcome, row.name, of.runs_of(row))
        ],
        "planes": [_plane(of, of.runs_of(row)[0], maps) for row in of.methods],
    }


def _plane(of: Condition, run: FinishedRun, maps: str) -> dict[str, Any]:
    every = of.evaluated(run)
    chosen = np.unique(np.linspace(0, len(every) - 1, min(len(every), _MAPPED)).astype(np.int64))
    samples = every[chosen]
    embedding = of.embedding(run)[chosen]
    points, _ = project(embedding, of.y_true[samples], maps)
    return {
        "name": run.method,
        "seed": run.seed,
        "samples": samples.tolist(),
        "x": _rounded(points[:, 0]),
        "y": _rounded(points[:, 1]),
    }


def _curves(outcome: Outcome, row: str, runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """Return each recorded value by epoch: the mean over the seeds, the least, the greatest."""
    found = []
    stages = {
        "stage 1": [outcome.pretraining_history(run) for run in runs],
        "stage 2": [run.record["history"] for run in runs],
    }
    for stage, histories in stages.items():
        if not all(histories):
            continue
        epochs = min(map(len, histories))
        for name in histories[0][0]:
            values = np.array([[epoch[name] for epoch in h[:epochs]] for h in histories])
            ends = {"mean": values.mean(0), "low": values.min(0), "high": values.max(0)}
            shown = {end: _rounded(numbers) for end, numbers in ends.items()}
            found.append({"row": row, "value": f"{stage}: {name.replace('_', ' ')}", **shown})
    return found


def _distances(
    of: Condition, fingerprints: NDArray[np.uint8] | None, seeds: int
) -> dict[str, list[Any]]:
    """Return the distance to the nearest training molecule, by seed; nothing for images."""
    found: dict[str, list[Any]] = {}
    if fingerprints is None:
        return found
    for run in of.runs_of(of.table.rows[0])[:seeds]:
        try:
            recipe = of.experiment.splits[of.table.split].recipe()
            split = recipe.split(of.dataset, run.seed)
        except RncGraphError:  # A plugin's splitter, or a file that is not here anymore.
            continue
        domain = Domain(fingerprints[split.train.numpy()], threshold=math.nan)
        nearest = domain.distances(fingerprints[of.evaluated(run)])
        found[str(run.seed)] = _rounded(nearest)
    return found


def _worst(
    rows: Mapping[str, Predictions],
    evaluated: dict[str, list[int]],
    y_true: FloatArray,
    *,
    classes: bool,
) -> list[dict[str, Any]]:
    """Return the samples with the largest mean error over all rows, with each row's.

    The error of a class is 1 where it is wrong.
    """
    errors: dict[int, dict[str, list[float]]] = {}
    for name, by_seed in rows.items():
        dots = [dot for s, y in by_seed.items() for dot in zip(evaluated[s], y, strict=True)]
        for sample, predicted in dots:
            error = float(predicted - y_true[sample])
            if math.isfinite(error):
                own = errors.setdefault(sample, {}).setdefault(name, [])
                own.append(float(error != 0) if classes else error)
    mean = {s: float(np.abs(np.concatenate([*of.values()])).mean()) for s, of in errors.items()}
    worst = sorted(mean, key=lambda sample: (-mean[sample], sample))[:_WORST]
    return [
        {
            "sample": sample,
            "mean": _short(mean[sample]),
            "errors": {name: _short(np.mean(e), 3) for name, e in errors[sample].items()},
        }
        for sample in worst
    ]


def _short(value: Any, digits: int = 4) -> float | None:
    """Return a number with few digits; None where JSON has none."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _rounded(values: Iterable[float], digits: int = 3) -> list[float | None]:
    return [_short(value, digits) for value in values]
