"""Training a model: the members in parallel, then the calibration of its intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnc_graph.data import TargetScaler
from rnc_graph.data.bounds import with_bounds_and_weights
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import descriptor_names
from rnc_graph.data.reading import LARGEST
from rnc_graph.data.scaling import Transform, not_positive
from rnc_graph.data.splits.split import first_rows
from rnc_graph.data.table import FloatArray, exact_values
from rnc_graph.errors import BadValueError
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models.calibration import (
    Rows,
    Trained,
    calibrate_held_out,
    calibrate_out_of_fold,
)
from rnc_graph.models.domain import Domain
from rnc_graph.models.fitting import fit_members
from rnc_graph.models.held_out import divide_held_out
from rnc_graph.models.inputs import DescriptorScaler, Inputs
from rnc_graph.models.members import TrainingSet
from rnc_graph.models.mixture import FOLDS, fold_numbers
from rnc_graph.models.model import MoleculeModel, digests
from rnc_graph.models.network import Network
from rnc_graph.models.out_of_fold import OutOfFold
from rnc_graph.models.settings import ModelSettings
from rnc_graph.models.warm_start import cannot_start, folds_of, kept_folds
from rnc_graph.plugins import Plugin

_FEWEST_MOLECULES = 5


def train_model(
    features: MoleculeFeatures,
    targets: FloatArray,
    train: Rows,
    held_out: Rows,
    settings: ModelSettings,
    *,
    target_names: Sequence[str],
    units: Sequence[str],
    censored: NDArray[np.int8] | None = None,
    weights: FloatArray | None = None,
    seed: int = 0,
    jobs: int = 1,
    device: str = "cpu",
    on_progress: Callable[[float], None] = lambda share: None,
    plugins: Sequence[Plugin] = (),
    start: MoleculeModel | None = None,
) -> Trained:
    """Train a model on some rows of a table, and calibrate it on others or out of fold.

    Args:
        features: of N molecules, as ``settings.featurizer_config``.
        targets: (N, t) in the targets' units, NaN where missing.
        train: rows to learn from.
        held_out: rows that select the epochs and calibrate the intervals. Without any, networks
            train for all epochs, and predictions out of fold calibrate: five folds, of which each
            network leaves out one, and the other members are trained anew without each.
        settings: what the model is made of.
        target_names: of the t targets.
        units: of the t targets.
        censored: (N, t) 0 where a target is a value, 1 where the value is above it, -1 where it is
            below; None if all are values. Bounds neither choose epochs nor calibrate.
        weights: (N,) positive, of the rows in training; None if all count alike.
        seed: the same seed gives the same bits, whatever ``jobs`` is.
        jobs: processes to train the members in.
        device: a Lightning accelerator: "cpu", "gpu", "auto", ...
        on_progress: receives the share of the work that is done.
        plugins: what the settings need; loaded in the processes, and recorded in the model.
        start: an older model, from whose networks the encoders start, if ``cannot_start`` tells
            no reason against it.

    Raises:
        BadValueError: too few molecules, a target or an objective that cannot be used, or a device
            that is not there.
        RunError: training diverged.
    """
    molecules = first_rows(features.canonical, train)
    if len(molecules) < _FEWEST_MOLECULES:
        raise BadValueError(
            f"training set: expected at least {_FEWEST_MOLECULES} different molecules with a "
            f"measurement, got {len(molecules)} (n_samples = {len(train)})"
        )
    if device != "cpu":  # To load Lightning takes seconds, and members without networks need none.
        from rnc_graph.training import check_device

        check_device(device)
    exact = exact_values(targets, censored)
    if settings.patience is not None and settings.most_networks and not len(held_out):
        raise BadValueError(
            "patience: expected a validation set that ends the training, got validation_fraction 0"
        )
    measured = held_out
    if censored is not None:
        _check_bounds(exact, censored, np.concatenate([train, held_out]), target_names)
        measured = held_out[~np.isnan(exact[held_out]).all(axis=1)]
    selection = calibration = held_out
    if len(held_out):
        selection, calibration = divide_held_out(
            measured,
            features.canonical,
            exact,
            target_names,
            networks=settings.most_networks > 0,
            seed=seed,
        )
    transforms = settings.transforms(target_names)
    _check_positive(targets, target_names, transforms)
    scaler = TargetScaler.fit(targets[train], target_names, transforms)
    _check_spread(exact[train], target_names)
    descriptor_scaler = None
    if settings.descriptors:
        descriptor_scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors[train])
    seen = np.concatenate([train, selection])
    labels = with_bounds_and_weights(
        torch.from_numpy(scaler.standardize(targets[seen])).float(),
        None if censored is None else censored[seen],
        None if weights is None else weights[seen] / weights[train].mean(),
    )
    smiles = [features.canonical[row] for row in train]
    fold = np.full(len(train), -1)  # All members can learn from everything.
    if not len(held_out):
        fold = fold_numbers(smiles, seed, FOLDS)
    elif settings.other_members and (settings.weights == "stacked" or settings.networks == "auto"):
        fold = fold_numbers(smiles, seed)
    encoders: list[dict[str, Tensor]] = []
    if start is not None and not cannot_start(start, settings, held_out=len(held_out) > 0):
        fold = kept_folds(start, smiles, fold)
        encoders = [dict(network.encoder.state_dict()) for network in start.networks]
    inputs = Inputs.of(features, seen, descriptor_scaler, embedding=settings.needed_embedding)
    training = TrainingSet(
        inputs=inputs.counted() if settings.takes_counts else inputs,
        targets=labels,
        train=torch.arange(len(train)),
        selection=torch.arange(len(train), len(seen)),
        fold=torch.from_numpy(fold),
        encoders=encoders,
    )
    fitted = fit_members(training, settings, seed, jobs, device, on_progress, plugins)
    members = [one.member for one in fitted]
    networks = sum(isinstance(member, Network) for member in members)
    out_of_fold = OutOfFold.of(fitted, training, settings.weights == "stacked")
    known = np.unique(digests([features.canonical[row] for row in [*train, *held_out]]))
    model = MoleculeModel(
        settings=settings.as_saved().model_copy(update={"networks": networks}),
        targets=list(target_names),
        units=list(units),
        scaler=scaler,
        descriptor_scaler=descriptor_scaler,
        members=members,
        weights=out_of_fold.weights() if settings.weights == "stacked" else None,
        typical_spread=np.zeros(targets.shape[1]),
        intervals=ConformalIntervals(np.empty((0, targets.shape[1]))),
        domain=Domain.fit(features.fingerprints[molecules]),
        seen=known,
        folds=folds_of(known, smiles, fold),
        spread_of="members" if len(held_out) else "votes",
        plugins=tuple(plugin.record for plugin in plugins),
    )
    if len(held_out):
        return calibrate_held_out(model, features, exact, held_out, selection, calibration)
    return calibrate_out_of_fold(model, features, exact, train, out_of_fold)


def _check_bounds(
    exact: FloatArray, censored: NDArray[np.int8], used: Rows, names: Sequence[str]
) -> None:
    """Raise an error for a target whose measurements are all bounds."""
    bounds_alone = np.isnan(exact[used]).all(axis=0) & (censored[used] != 0).any(axis=0)
    if bounds_alone.any():
        raise BadValueError(
            f"target {names[int(bounds_alone.argmax())]!r}: all its measurements are bounds; "
            "expected values in the training and the validation set"
        )


def _check_positive(
    targets: FloatArray, names: Sequence[str], transforms: Sequence[Transform]
) -> None:
    """Raise an error for a value that has no logarithm, if its target is learned as one."""
    wrong = np.argwhere(not_positive(targets, transforms))
    if len(wrong):
        row, target = wrong[0]
        raise BadValueError(
            f"target {names[target]!r}, row {row} (from 0): expected a positive number for "
            f"{transforms[target]}, got {targets[row, target]:g}"
        )


def _check_spread(targets: FloatArray, names: Sequence[str]) -> None:
    """Raise an error for a target that is constant or beyond float32's squares."""
    for name, column in zip(names, targets.T, strict=True):
        known = column[~np.isnan(column)]
        if not known.size:
            raise BadValueError(
                f"target {name!r}: expected values in the training set, got bounds alone"
            )
        if np.ptp(known) == 0:
            raise BadValueError(
                f"target {name!r}: expected different values in the training set, got {known[0]:g} "
                f"for all {len(known)} rows"
            )
        if not (np.abs(known).max() < LARGEST and np.ptp(known) > 1 / LARGEST):
            raise BadValueError(
                f"target {name!r}: expected values within {LARGEST:g} that differ by more than "
                f"{1 / LARGEST:g}, got {known.min():g} to {known.max():g}; give it another unit"
            )
