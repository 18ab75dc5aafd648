"""Calibrating a model's intervals: on held-out molecules, or on predictions out of fold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.splits.split import first_rows
from rnc_graph.data.table import FloatArray
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models.model import MoleculeModel, Predictions, digests
from rnc_graph.models.out_of_fold import OutOfFold
from rnc_graph.models.widening import widening

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """A trained model, and its predictions of molecules that it did not learn from.

    Attributes:
        model: the model.
        rows: (k,) the held-out rows; without any, the training rows predicted out of fold.
        predictions: of these rows.
        by_member: (m, k, t) of each member, in the targets' units; NaN where a network that
            predicts out of fold has seen the molecule.
    """

    model: MoleculeModel
    rows: Rows
    predictions: Predictions
    by_member: FloatArray


def calibrate_held_out(
    model: MoleculeModel,
    features: MoleculeFeatures,
    targets: FloatArray,
    held_out: Rows,
    selection: Rows,
    calibration: Rows,
) -> Trained:
    """Calibrate on held-out molecules, with the guarantee of split conformal prediction.

    Args:
        model: without a typical spread and intervals.
        features: of N molecules.
        targets: (N, t) values in their units, NaN where missing.
        held_out: rows that no member has learned from.
        selection: those of them that chose the epochs: they say what spread is typical.
        calibration: those of them that calibrate.
    """
    predictions = model.predict_rows(features, held_out)
    # Without the typical spread, this is the spread as the targets are learned.
    spread = predictions.difficulty
    model = _with_typical_spread(model, spread[np.isin(held_out, selection)])
    predictions = replace(predictions, difficulty=spread + model.typical_spread)
    calibrates = np.flatnonzero(np.isin(held_out, calibration))
    calibrated = _with_intervals(model, targets[held_out[calibrates]], predictions.take(calibrates))
    by_member = model.predict_by_member(features, held_out)
    return Trained(calibrated, held_out, predictions, by_member)


def calibrate_out_of_fold(
    model: MoleculeModel,
    features: MoleculeFeatures,
    targets: FloatArray,
    train: Rows,
    out_of_fold: OutOfFold,
) -> Trained:
    """Calibrate on predictions out of fold, so that every molecule is learned from.

    Cross-conformal prediction (Vovk, "Cross-conformal predictors", Annals of Mathematics and
    Artificial Intelligence 74, 2015), with one interval around the prediction of the final model,
    which has learned from all folds. Its coverage is not guaranteed, as that of held-out molecules
    is. Where that lowers their mean score, intervals widen with the distance from the training
    molecules.

    ``train`` are n rows, of which ``out_of_fold`` has what members predict that did not learn from
    them; the other arguments are those of :func:`calibrate_held_out`.
    """
    votes = out_of_fold.votes.transpose(2, 0, 1)
    # Where no network left out a row, or a member lacks a target, there is no prediction.
    missing = np.isnan(votes).sum(axis=0)
    known = np.flatnonzero((missing == 0).any(axis=1))
    rows, votes = train[known], votes[:, known]
    values, _ = model.combine(votes, out_of_fold.cross_weights()[:, known])
    # The spread by the weights that new molecules have: those without a fold may leave out other
    # members. Without the typical spread, the difficulty is the spread as the targets are learned.
    _, difficulty = model.combine(votes, out_of_fold.weights_of_votes[:, None])
    model = _with_typical_spread(model, difficulty)
    difficulty = difficulty + model.typical_spread
    distance = np.empty(len(rows))
    fold = out_of_fold.training.fold.numpy()
    for number in np.unique(fold[known]):
        held = fold[known] == number
        others = features.fingerprints[first_rows(features.canonical, train[fold != number])]
        distance[held] = model.domain.around(others).distances(features.fingerprints[rows[held]])
    errors = np.abs(model.scaler.transform(targets[rows]) - model.scaler.transform(values))
    factors, own = widening(errors, difficulty, distance, fold[known])
    model = replace(model, widening=factors)
    predictions = Predictions(
        values=values,
        spread=model.spread(votes),
        difficulty=difficulty * own,
        distance=distance,
        out_of_domain=distance > model.domain.threshold,
        seen=np.zeros(len(rows), dtype=bool),
        molecule=digests([features.canonical[row] for row in rows]),
    )
    by_member = model.scaler.restore(out_of_fold.members[:, known])
    calibrated = _with_intervals(model, targets[rows], predictions)
    return Trained(calibrated, rows, predictions, by_member)


def _with_typical_spread(model: MoleculeModel, spread: FloatArray) -> MoleculeModel:
    """Take the median of the spreads (n, t); without any, the targets' standard deviation."""
    known = [column[~np.isnan(column)] for column in spread.T]
    typical = np.array([np.median(column) if len(column) else 0.0 for column in known])
    # A single member has no spread: all molecules are of the same difficulty then.
    return replace(model, typical_spread=np.where(typical > 0, typical, model.scaler.sd))


def _with_intervals(
    model: MoleculeModel, targets: FloatArray, predictions: Predictions
) -> MoleculeModel:
    y_true, y_pred = map(model.scaler.transform, (targets, predictions.values))
    scores = ConformalIntervals.calibrate(
        y_true, y_pred, predictions.difficulty, predictions.molecule
    )
    return replace(model, intervals=scores)
