"""How a model's members are combined: weights from predictions of molecules they did not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from rnc_graph.data.splits.split import numbered
from rnc_graph.data.table import FloatArray

FOLDS = 5
# With fewer measured molecules the members are combined by their plain mean.
_FEWEST = 25
PULL = 10.0
"""What the plain mean counts for against the measured molecules, in molecules."""


def fold_numbers(smiles: Sequence[str], seed: int, fewest: int = _FEWEST) -> NDArray[np.int64]:
    """Return the fold of each of n rows, (n,), from 0 to 4; rows of a molecule share theirs.

    -1 for all rows if there are fewer molecules than ``fewest``.
    """
    molecule = numbered(smiles)
    count = int(molecule.max()) + 1
    if count < fewest:
        return np.full(len(smiles), -1)
    return (np.random.default_rng(seed).permutation(count) % FOLDS)[molecule]


def mixture_weights(
    out_of_fold: FloatArray,
    targets: FloatArray,
    molecules: NDArray[np.int64],
    weights_of_rows: FloatArray | None = None,
    pull: float = PULL,
) -> FloatArray:
    """Return the weights of m members for each target, (m, t).

    Non-negative least squares on out-of-fold predictions (Breiman, "Stacked regressions", Machine
    Learning 24, 1996), drawn to the plain mean by a ridge (the egalitarian ridge of Diebold and
    Shin, International Journal of Forecasting 35, 2019): where the members hardly differ, data do
    not tell their weights. Their sum is near 1, and what it lacks draws predictions to the mean of
    the training set. Where too few molecules are measured, it is the plain mean.

    Args:
        out_of_fold: (n, t, m), NaN where a member has none.
        targets: (n, t) standardized, NaN where missing.
        molecules: (n,) number of each row's molecule; its rows are in one fold.
        weights_of_rows: (n,) of the squared errors, None if all count alike.
        pull: how many molecules the plain mean counts for.
    """
    weights = np.full(out_of_fold.shape[:0:-1], 1 / out_of_fold.shape[2])
    for target, known in enumerate(_known(out_of_fold, targets, molecules, weights_of_rows)):
        _, _, molecule = known
        if molecule.max(initial=-1) + 1 >= _FEWEST:
            weights[:, target] = _learned(*known, pull)
    return weights


def cross_weights(
    out_of_fold: FloatArray,
    targets: FloatArray,
    molecules: NDArray[np.int64],
    weights_of_rows: FloatArray | None,
    *,
    fold: NDArray[np.int64],
) -> FloatArray:
    """Return :func:`mixture_weights` of m members for each row, (m, n, t), without its ``fold``."""
    weights = np.empty((out_of_fold.shape[2], *targets.shape))
    for number in np.unique(fold):
        held = fold == number
        rest = None if weights_of_rows is None else weights_of_rows[~held]
        learned = mixture_weights(out_of_fold[~held], targets[~held], molecules[~held], rest)
        weights[:, held] = learned[:, None]
    return weights


def networks_earn_their_time(
    network: FloatArray,
    others: FloatArray,
    targets: FloatArray,
    molecules: NDArray[np.int64],
    weights_of_rows: FloatArray | None = None,
    members: int | None = None,
) -> bool:
    """Tell whether a network lowers the error of the mixture.

    The errors are those of weights from a cross-validation, on the molecules that the network was
    not trained on; with ``members`` those of the plain mean, in which the network stands for so
    many. ``network`` (n, t) and ``others`` (n, t, m) are out-of-fold predictions; for the other
    arguments see :func:`mixture_weights`.
    """
    both = np.concatenate([others, network[:, :, None]], axis=2)
    every = _known(both, targets, molecules, weights_of_rows)
    known = [one for one in every if one[2].max(initial=-1) + 1 >= FOLDS]
    if not known:
        return False  # With so few molecules networks do not help (docs/few-labels.md).
    share = None if members is None else np.array([*[1.0] * others.shape[2], members])
    rest = None if share is None else share[:-1]
    with_it = np.concatenate([_squared_errors(*one, share) for one in known])
    without = np.concatenate([_squared_errors(v[:, :-1], y, own, rest) for v, y, own in known])
    return bool(with_it.mean() < without.mean())


def _known(
    out_of_fold: FloatArray,
    targets: FloatArray,
    molecules: NDArray[np.int64],
    weights_of_rows: FloatArray | None,
) -> list[tuple[FloatArray, FloatArray, NDArray[np.int64]]]:
    """Return predictions (k, m) and values (k,) of the rows that have both, by target.

    With them the number (k,) of each row's molecule, from 0 without gaps. Predictions and values
    are multiplied by the roots of the weights, so that their squared errors are weighted.
    """
    given = np.ones(len(targets)) if weights_of_rows is None else weights_of_rows
    found = []
    for votes, y in zip(np.moveaxis(out_of_fold, 1, 0), targets.T, strict=True):
        rows = np.isfinite(y) & np.isfinite(votes).all(axis=1)
        _, molecule = np.unique(molecules[rows], return_inverse=True)
        scale = np.ones(0)
        if rows.any():
            scale = np.sqrt(given[rows] / _by_molecule(given[rows], molecule).mean())
        found.append((votes[rows] * scale[:, None], y[rows] * scale, molecule))
    return found


def _learned(
    votes: FloatArray, y: FloatArray, molecule: NDArray[np.int64], pull: float = PULL
) -> FloatArray:
    """Return the weights (m,) of m members from predictions (k, m) and values (k,)."""
    members = votes.shape[1]
    # The rows of a molecule count as one.
    share = 1 / np.sqrt(np.bincount(molecule)[molecule])
    ridge = np.sqrt(pull) * np.eye(members)
    weights: FloatArray = nnls(
        np.vstack([votes * share[:, None], ridge]),
        np.concatenate([y * share, ridge.sum(axis=1) / members]),
    )[0]
    return weights


def _squared_errors(
    votes: FloatArray, y: FloatArray, molecule: NDArray[np.int64], share: FloatArray | None
) -> FloatArray:
    """Return each molecule's squared error.

    The weights are shares (m,), or without them learned without the fold that a molecule is in.
    """
    if share is not None:
        return _by_molecule(np.square(votes @ (share / share.sum()) - y), molecule)
    fold = molecule % FOLDS
    errors = np.empty(len(y))
    for number in range(FOLDS):
        held = fold == number
        learned = _learned(votes[~held], y[~held], molecule[~held])
        errors[held] = votes[held] @ learned - y[held]
    return _by_molecule(np.square(errors), molecule)


def _by_molecule(errors: FloatArray, molecule: NDArray[np.int64]) -> FloatArray:
    """Return the mean over the rows of each molecule."""
    mean: FloatArray = np.bincount(molecule, errors) / np.bincount(molecule)
    return mean
