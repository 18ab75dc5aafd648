"""From SMILES to a model's predictions or embeddings, block by block, featurized in parallel."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.data import MoleculeTable
from rnc_graph.data.features import WORTH_PROCESSES, MoleculeFeatures, stream_arrays
from rnc_graph.data.smiles import BadMolecule
from rnc_graph.data.table import FloatArray
from rnc_graph.models.model import MoleculeModel, Predictions

BLOCK = 1024
"""Molecules at a time: the same molecules in the same order give the same bits, however many."""


def stream_features(
    blocks: Iterable[Sequence[str]], model: MoleculeModel, jobs: int, *, to_embed: bool = False
) -> Iterator[tuple[MoleculeFeatures, NDArray[np.int64]]]:
    """Yield what a model needs of each block of SMILES, in order.

    Args:
        blocks: of SMILES.
        model: the model.
        jobs: processes to featurize in.
        to_embed: the molecules will be embedded, not predicted: descriptors are left out.

    Returns:
        The features of the different SMILES of a block, and the row of each of its SMILES in them.
    """
    waiting: deque[NDArray[np.int64]] = deque()

    def different() -> Iterator[Sequence[str]]:
        for block in blocks:
            texts, number = list(block), dict[object, int]()
            # What is no text is bad, and may have no hash.
            keys = [text if isinstance(text, str) else id(text) for text in texts]
            rows = np.array([number.setdefault(key, len(number)) for key in keys], np.int64)
            waiting.append(rows)
            _, first = np.unique(rows, return_index=True)
            yield [texts[row] for row in first]

    config = model.featurizer_config_to_embed if to_embed else model.featurizer_config
    counts = () if to_embed else model.counts
    for arrays in stream_arrays(different(), config, jobs, counts, trains=False):
        yield MoleculeFeatures.of(arrays), waiting.popleft()


def predict_smiles(
    model: MoleculeModel, smiles: Sequence[str], jobs: int = 1
) -> tuple[Predictions, list[BadMolecule]]:
    """Predict N SMILES; those that cannot be read are NaN, and named by row from 0."""
    parts, bad = [], []
    for features, rows, unreadable in _blocks(model, smiles, jobs):
        parts.append(model.predict(features).take(rows))
        bad += unreadable
    return Predictions.joined(parts), bad


def embed_smiles(
    model: MoleculeModel, smiles: Sequence[str], jobs: int = 1
) -> tuple[FloatArray, list[BadMolecule]]:
    """Embed N SMILES, (N, d); those that cannot be read are NaN, and named by row from 0."""
    parts, bad = [], []
    for features, rows, unreadable in _blocks(model, smiles, jobs, to_embed=True):
        parts.append(model.embed(features)[rows])
        bad += unreadable
    return np.concatenate(parts), bad


def _blocks(
    model: MoleculeModel, smiles: Sequence[str], jobs: int, *, to_embed: bool = False
) -> Iterator[tuple[MoleculeFeatures, NDArray[np.int64], list[BadMolecule]]]:
    """Yield what :func:`stream_features` does, and the SMILES of each block that are bad."""
    starts = range(0, max(1, len(smiles)), BLOCK)  # One block without any SMILES, too.
    blocks = (smiles[first : first + BLOCK] for first in starts)
    jobs = jobs if len(smiles) >= WORTH_PROCESSES else 1
    stream = stream_features(blocks, model, jobs, to_embed=to_embed)
    for first, (features, rows) in zip(starts, stream, strict=True):
        bad = {molecule.row: molecule for molecule in features.bad}
        numbered = enumerate(rows.tolist(), first)
        yield features, rows, [replace(bad[own], row=row) for row, own in numbered if own in bad]


def with_targets(
    table: MoleculeTable, names: Sequence[str], targets: Sequence[str]
) -> MoleculeTable:
    """Return a table with all targets of a model; those that it lacks are missing everywhere.

    ``names`` says which of the targets each of the table's columns is.
    """
    columns = [targets.index(name) for name in names]
    values = np.full((len(table), len(targets)), np.nan)
    values[:, columns] = table.targets
    censored = None
    if table.censored is not None:
        censored = np.zeros(values.shape, dtype=np.int8)
        censored[:, columns] = table.censored
    return replace(
        table, targets=values, target_names=list(targets), units=(), unit="", censored=censored
    )


def prediction_frame(
    model: MoleculeModel, predictions: Predictions, problems: Sequence[str], level: float
) -> pd.DataFrame:
    """Return predictions as people read them, one row a molecule.

    Columns: ``predicted_T``, ``low_T``, ``high_T`` (at the level) and ``spread_T`` of each target
    T, ``distance``, ``out_of_domain`` and ``problem`` (N texts, "" for a molecule that was
    predicted); see :class:`~rnc_graph.models.Predictions`.
    """
    low, high = model.interval(predictions, level)
    columns: dict[str, object] = {}
    for number, target in enumerate(model.targets):
        columns[f"predicted_{target}"] = predictions.values[:, number]
        columns[f"low_{target}"] = low[:, number]
        columns[f"high_{target}"] = high[:, number]
        columns[f"spread_{target}"] = predictions.spread[:, number]
    columns["distance"] = predictions.distance
    out_of_domain = np.where(predictions.out_of_domain, "yes", "no").astype(object)
    out_of_domain[np.isnan(predictions.distance)] = ""
    columns["out_of_domain"] = out_of_domain
    columns["problem"] = np.array(problems, dtype=object)
    return pd.DataFrame(columns)
