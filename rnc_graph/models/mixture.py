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
# Networks take nearly all of the time: they must lower the error by so much.
_EARNED = 0.01


def fold_numbers(smiles: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the fold of each of n rows, (n,), from 0 to 4; rows of a molecule share theirs.

    -1 for all rows where there are too few molecules for folds.
    """
    molecule = numbered(smiles)
    count = int(molecule.max()) + 1
    if count < _FEWEST:
        return np.full(len(smiles), -1)
    return (np.random.default_rng(seed).permutation(count) % FOLDS)[molecule]


def mixture_weights(out_of_fold: FloatArray, targets: FloatArray) -> FloatArray:
    """Return the weights of m members for each target, (m, t).

    Non-negative least squares on out-of-fold predictions (Breiman, "Stacked regressions", Machine
    Learning 24, 1996): their sum is near 1, and what it lacks draws predictions to the mean of the
    training set. Where the plain mean has a lower error than such weights in a
    cross-validation of their own, or too few molecules are measured, it is the plain mean.

    Args:
        out_of_fold: (n, t, m), NaN where a member has none.
        targets: (n, t) standardized, NaN where missing.
    """
    weights = np.full(out_of_fold.shape[:0:-1], 1 / out_of_fold.shape[2])
    for target, (votes, y) in enumerate(_known(out_of_fold, targets)):
        if len(y) < _FEWEST:
            continue
        of_mean = np.square(votes.mean(axis=1) - y)
        if _squared_errors(votes, y).mean() < of_mean.mean():
            weights[:, target] = nnls(votes, y)[0]
    return weights


def networks_earn_their_time(network: FloatArray, others: FloatArray, targets: FloatArray) -> bool:
    """Tell whether a network lowers the error of the mixture, by 1% and by one standard error.

    The errors are those of weights from a cross-validation, on the molecules that the network was
    not trained on.

    Args:
        network: (n, t) out-of-fold predictions, NaN where there is none.
        others: (n, t, m) those of the other members.
        targets: (n, t) standardized, NaN where missing.
    """
    both = np.concatenate([others, network[:, :, None]], axis=2)
    known = [(votes, y) for votes, y in _known(both, targets) if len(y) >= FOLDS]
    if not known:
        return True  # Nothing can be measured, so nothing speaks against them.
    with_it = np.concatenate([_squared_errors(votes, y) for votes, y in known])
    without = np.concatenate([_squared_errors(votes[:, :-1], y) for votes, y in known])
    gain = without - with_it
    enough = np.sqrt(with_it.mean()) <= (1 - _EARNED) * np.sqrt(without.mean())
    return bool(enough and gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)))


def _known(out_of_fold: FloatArray, targets: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return the predictions (k, m) and the values (k,) of the rows that have both, by target."""
    found = []
    for votes, y in zip(np.moveaxis(out_of_fold, 1, 0), targets.T, strict=True):
        rows = np.isfinite(y) & np.isfinite(votes).all(axis=1)
        found.append((votes[rows], y[rows]))
    return found


def _squared_errors(votes: FloatArray, y: FloatArray) -> FloatArray:
    """Return the squared errors (k,) of weights that are learned without the rows they combine."""
    fold = np.arange(len(y)) % FOLDS
    errors = np.empty(len(y))
    for number in range(FOLDS):
        held = fold == number
        errors[held] = votes[held] @ nnls(votes[~held], y[~held])[0] - y[held]
    return np.square(errors)
