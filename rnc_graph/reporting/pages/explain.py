"""The page of explained predictions: molecules with the contributions of their atoms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from rnc_graph.data.bad import BadRow, shorten
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import molecule_arrays
from rnc_graph.data.reading import open_table
from rnc_graph.data.reading.columns import check_column, choose_smiles
from rnc_graph.data.smiles import parse_smiles
from rnc_graph.errors import BadValueError
from rnc_graph.models import Explanation, MoleculeModel, Predictions, TrainingMolecules
from rnc_graph.models.attribution import explain_features
from rnc_graph.reporting import numbers
from rnc_graph.reporting.render import labeled, render
from rnc_graph.reporting.sample_pictures import AtomMark, molecule_svg

# Atoms that have their number in the picture.
_NOTES = 4
# The strongest color hides no line of a molecule.
_OPAQUE = 0.85
_SIZE, _BOND = (440, 280), 38


@dataclass(frozen=True)
class ExplainedRows:
    """n rows of a table, with their predictions and explanations.

    ``rows`` are their numbers, from 1 below the header, ``ids`` their names, "" without any;
    ``smiles`` are as they are in the table; ``notes`` say what was guessed of it and left out.
    """

    source: str
    rows: list[int]
    ids: list[str]
    smiles: list[str]
    features: MoleculeFeatures
    predictions: Predictions
    explanations: list[Explanation]
    bad: list[BadRow]
    notes: list[str]


def explain_rows(
    model: MoleculeModel,
    source: Path,
    *,
    smiles: str | None = None,
    id_column: str | None = None,
    count: int = 20,
    jobs: int = 1,
    on_progress: Callable[[float], None] = lambda share: None,
) -> ExplainedRows:
    """Explain the first ``count`` rows of a table.

    The column of SMILES is guessed if ``smiles`` is None; rows are named by ``id_column``, or else
    by the model's, if the table has it. ``jobs`` are processes; ``on_progress`` receives the share
    of the rows that is done.

    Raises:
        RncGraphError: the file or its column is missing or cannot be read, or it has no rows.
    """
    table = open_table(source)
    chunk = next(table.chunks(count + 1), None)
    if chunk is None or not len(chunk.frame):
        raise BadValueError(f"{table.name}: has no rows below its header")
    column, notes = choose_smiles(table.columns, chunk.frame, smiles, source=table.name)
    # RDKit takes what follows a blank for a name.
    texts = [text.strip() for text in chunk.frame[column].iloc[:count]]
    if len(chunk.frame) > count:
        notes.append(f"the first {count} rows are explained; --rows takes more")
    features = MoleculeFeatures.of(molecule_arrays(texts, model.featurizer_config))
    done = 0

    def report(molecules: int) -> None:
        nonlocal done
        done += molecules
        on_progress(done / len(texts))

    rows = chunk.rows[:count].tolist()
    if id_column is not None:
        check_column(table.columns, id_column, table.name)
    named = id_column or (model.id_column if model.id_column in table.columns else None)
    ids = [""] * len(rows) if named is None else chunk.frame[named].iloc[:count].tolist()
    lines = [None] * len(rows) if chunk.lines is None else chunk.lines.tolist()
    return ExplainedRows(
        source=table.name,
        rows=rows,
        ids=ids,
        smiles=texts,
        features=features,
        predictions=model.predict(features),
        explanations=explain_features(model, features, jobs, report),
        bad=[
            BadRow(
                rows[molecule.row],
                lines[molecule.row],
                column,
                chunk.found.get(rows[molecule.row], shorten(molecule.smiles)),
                chunk.problems.get(rows[molecule.row], molecule.reason),
                ids[molecule.row],
            )
            for molecule in features.bad
        ],
        notes=[*table.notes, *notes],
    )


def explain_page(
    model: MoleculeModel,
    explained: ExplainedRows,
    training: TrainingMolecules | None,
    *,
    command: str,
    level: float,
) -> str:
    """Return the page; all text of the table and the model is escaped.

    The nearest molecules are taken from ``training``; None shows none. ``command`` makes the page;
    ``level`` is that of the intervals.
    """
    bad = {row.row for row in explained.bad}
    shown = [number for number, row in enumerate(explained.rows) if row not in bad]
    scales = [_largest(explained.explanations, t) for t in range(len(model.targets))]
    names = list(map(numbers.with_unit, model.targets, model.units))
    units = numbers.transformed_units(model.units, model.scaler.transforms)
    neighbors = {} if training is None else _neighbors(model, explained, shown, training)
    return render(
        "rnc_graph.reporting.pages",
        "explain.html",
        "page.css",
        title=f"Which atoms matter: {', '.join(names)}",
        command=command,
        notes=[*explained.notes, *model.interval_notes(level)],
        scales=[
            {"target": name, "largest": numbers.rounded(scale, 3), "unit": unit, "steps": _steps()}
            for name, scale, unit in zip(names, scales, units, strict=True)
        ],
        molecules=[
            _molecule(model, explained, number, scales, units, level)
            | {"neighbors": neighbors.get(number, [])}
            for number in shown
        ],
        bad=explained.bad,
    )


def _molecule(
    model: MoleculeModel,
    explained: ExplainedRows,
    number: int,
    scales: Sequence[float],
    units: Sequence[str],
    level: float,
) -> dict[str, Any]:
    one = explained.predictions.take(np.array([number]))
    low, high = model.interval(one, level)
    explanation = explained.explanations[number]
    targets = []
    for t, (name, unit) in enumerate(zip(model.targets, model.units, strict=True)):
        interval = f"[{numbers.rounded(low[0, t])}, {numbers.rounded(high[0, t])}]"
        has_interval = np.isfinite(low[0, t])
        targets.append(
            {
                "name": name,
                "value": f"{numbers.rounded(one.values[0, t])} {unit}".strip(),
                "interval": f"{numbers.percent(level)}: {interval}" if has_interval else "",
                "picture": _picture(explanation, t, scales[t]),
                "contribution": numbers.with_unit("contribution", units[t]),
                "atoms": _atoms(explanation, t),
            }
        )
    distance = float(one.distance[0])
    nearest = f"distance {distance:.2f} to the nearest training molecule"
    out_of_domain = bool(one.out_of_domain[0])
    seen = "; the molecule belongs to the training or validation set" if one.seen[0] else ""
    if seen and distance > 0:
        seen += ", and the distance is to other molecules, of the training set alone"
    return {
        "row": explained.rows[number],
        "id": explained.ids[number],
        "smiles": explained.smiles[number],
        "canonical": explanation.smiles,
        "domain": f"{'Out of' if out_of_domain else 'In'} domain: {nearest}{seen}.",
        "out_of_domain": out_of_domain,
        "problem": explanation.problem,
        "targets": targets,
    }


def _largest(explanations: Sequence[Explanation], target: int) -> float:
    """Return the contribution that has the strongest color: 98% of all are smaller."""
    every = np.concatenate([np.abs(e.contributions[:, target]) for e in explanations])
    every = every[np.isfinite(every)]
    return float(np.quantile(every, 0.98)) if every.size else 0.0


def _mark(value: float, largest: float, note: str = "") -> AtomMark:
    share = min(1.0, abs(value) / largest) if largest else 0.0
    return AtomMark("var(--up)" if value > 0 else "var(--down)", _OPAQUE * share, note)


def _steps() -> list[tuple[int, str, str]]:
    marks = [_mark(value, 1.0) for value in np.linspace(-1, 1, 20)]
    return [(10 * n, mark.fill, f"{mark.opacity:.2f}") for n, mark in enumerate(marks)]


def _picture(explanation: Explanation, target: int, largest: float) -> Markup:
    values = explanation.contributions[:, target]
    strongest = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:_NOTES].tolist()
    marks = {
        atom: _mark(value, largest, f"{value:+.2g}" if atom in strongest else "")
        for atom, value in enumerate(values.tolist())
        if np.isfinite(value)
    }
    svg = molecule_svg(explanation.smiles, _SIZE, _BOND, marks)
    return labeled(svg, f"{explanation.smiles} with the contributions of its atoms")


def _atoms(explanation: Explanation, target: int) -> list[tuple[str, str]]:
    values = explanation.contributions[:, target]
    if not len(values):
        return []
    atoms = zip(parse_smiles(explanation.smiles).GetAtoms(), values, strict=True)
    return [
        (f"{atom.GetSymbol()} {number}", numbers.rounded(value, 3, sign=True))
        for number, (atom, value) in enumerate(atoms, start=1)
    ]


def _neighbors(
    model: MoleculeModel, explained: ExplainedRows, shown: list[int], training: TrainingMolecules
) -> dict[int, list[dict[str, Any]]]:
    """Return, for each row that is shown, lists of its nearest training molecules with a title."""
    rows = np.array(shown, dtype=int)
    fingerprints = explained.features.fingerprints[rows]
    lists = {"Training molecules of similar structure": training.nearest(fingerprints)}
    if training.embedding is not None:
        found, _ = training.nearest_by_embedding(model.embed(explained.features)[rows])
        near = found, training.similarity(fingerprints, found)
        lists["Training molecules near in the model's embedding"] = near
    return {
        number: [
            {
                "title": title,
                "cards": [
                    _card(model, training, row, similarity, explained.explanations[number])
                    for row, similarity in zip(nearest[n], similarities[n], strict=True)
                ],
            }
            for title, (nearest, similarities) in lists.items()
        ]
        for n, number in enumerate(shown)
    }


def _card(
    model: MoleculeModel,
    training: TrainingMolecules,
    row: int,
    similarity: float,
    explanation: Explanation,
) -> dict[str, Any]:
    table = training.table
    smiles, values = table.smiles[row], table.targets[row]
    marks = dict.fromkeys(_different(smiles, explanation.smiles), AtomMark("var(--mark)", 0.4))
    sides = np.zeros(len(values)) if table.censored is None else table.censored[row]
    columns = zip(model.targets, model.units, values, sides, strict=True)
    return {
        "picture": labeled(
            molecule_svg(smiles, marks=marks), f"{smiles} with the atoms marked that differ"
        ),
        "name": table.ids[row] if table.ids else "",
        "itself": training.canonical[row] == explanation.smiles,
        "similarity": f"{similarity:.2f}",
        "measured": [(name, _measured(value, side, unit)) for name, unit, value, side in columns],
    }


def _measured(value: float, side: float, unit: str) -> str:
    """Return a value or, for a side of 1 or -1, a bound, as it is in the table: "<0.2 nM"."""
    if np.isnan(value):
        return numbers.NONE
    relation = ">" if side > 0 else "<" if side < 0 else ""
    return f"{relation}{numbers.rounded(value, 6)} {unit}".strip()


def _different(smiles: str, other: str) -> list[int]:
    """Return the atoms whose surroundings of radius 1 the other molecule does not have."""
    own, known = _surroundings(smiles), _surroundings(other)
    return sorted({atom for bit, at in own.items() if bit not in known for atom, _ in at})


def _surroundings(smiles: str) -> dict[int, tuple[tuple[int, int], ...]]:
    from rdkit.Chem import rdFingerprintGenerator

    found = rdFingerprintGenerator.AdditionalOutput()
    found.AllocateBitInfoMap()
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=1)
    generator.GetSparseFingerprint(parse_smiles(smiles), additionalOutput=found)
    bits: dict[int, tuple[tuple[int, int], ...]] = found.GetBitInfoMap()
    return bits
