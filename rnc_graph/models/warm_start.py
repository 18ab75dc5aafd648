"""Networks that start from those of an older model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnc_graph.models.model import MoleculeModel, digests
from rnc_graph.models.settings import ModelSettings


def cannot_start(old: MoleculeModel, settings: ModelSettings, *, held_out: bool) -> str:
    """Return why new networks cannot start from those of an old model; "" if they can.

    Each network leaves out a fold of the training set, whose molecules weigh and calibrate it. So
    the old networks must have left out the same molecules, and no validation set may have chosen
    their epochs: it would calibrate the new model.
    """
    if not (old.networks and settings.most_networks):
        return "there are no networks in both models"
    parts = ("encoder", "options_of_encoder")
    if any(getattr(old.settings, part) != getattr(settings, part) for part in parts):
        return "the encoders differ"
    if old.settings.clean != settings.clean:
        return "one of the models cleans molecules, so that they are not known again"
    if held_out or old.folds is None or (old.folds < 0).any():
        return "a validation set chose the epochs of one of the models"
    return ""


def kept_folds(
    old: MoleculeModel, canonical: Sequence[str], fold: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the folds (n,) of a training set: those of ``old`` for molecules that it has seen.

    ``canonical`` are its n canonical SMILES, and ``fold`` (n,) has the folds of new molecules.
    """
    assert old.seen is not None
    assert old.folds is not None
    own = digests(canonical)
    place = np.searchsorted(old.seen, own).clip(max=len(old.seen) - 1)
    kept: NDArray[np.int64] = np.where(old.seen[place] == own, old.folds[place], fold)
    return kept


def folds_of(
    seen: NDArray[np.int64], canonical: Sequence[str], fold: NDArray[np.int64]
) -> NDArray[np.int8]:
    """Return the fold of each molecule that a model has seen, (M,), by its digest.

    ``seen`` (M,) rises; ``fold`` (n,) are the folds of a training set of n canonical SMILES.
    """
    folds = np.full(len(seen), -1, dtype=np.int8)
    folds[np.searchsorted(seen, digests(canonical))] = fold
    return folds
