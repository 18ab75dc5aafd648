"""Training a model: the members in parallel, then calibration on molecules that none has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from rnc_graph.data import TargetScaler
from rnc_graph.data.bounds import weighted_bounds
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import descriptor_names
from rnc_graph.data.reading import LARGEST
from rnc_graph.data.scaling import not_positive
from rnc_graph.data.splits.split import first_rows, groups_of, numbered
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models.domain import Domain
from rnc_graph.models.fitting import fit_members, member_weights
from rnc_graph.models.inputs import DescriptorScaler, Inputs
from rnc_graph.models.members import TrainingParts
from rnc_graph.models.mixture import fold_numbers
from rnc_graph.models.model import MoleculeModel, digests
from rnc_graph.models.network import Network
from rnc_graph.models.settings import ModelSettings
from rnc_graph.plugins import Plugin

# The share of the held-out set that selects the epochs; the others calibrate.
_SELECTION = 1 / 3
_FEWEST_MOLECULES = 5


Rows = NDArray[np.int64]


def hold_out(canonical: Sequence[str], rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Divide rows at random into those to learn from and those held out, molecule by molecule.

    Args:
        canonical: SMILES of all molecules.
        rows: to be divided.
        fraction: of the molecules to hold out.
        seed: of the draw.

    Raises:
        BadValueError: a wrong fraction, or too few molecules.
    """
    from sklearn.model_selection import GroupShuffleSplit

    if not 0 < fraction < 1:
        raise BadValueError(
            f"validation_fraction: expected a number between 0 and 1, got {fraction}"
        )
    groups = [canonical[row] for row in rows]
    different = len(set(groups))
    # One molecule to choose the epochs and one to calibrate, at least.
    held = max(2, round(fraction * different))
    if different <= held:
        raise BadValueError(
            f"X: expected more than {held} different molecules with a measurement, since some "
            f"are held out, got {different} (n_samples = {len(rows)})"
        )
    cut = GroupShuffleSplit(1, test_size=held, random_state=seed)
    train, held_out = next(cut.split(rows, groups=groups))
    return rows[train], rows[held_out]


def divide_held_out(rows: Rows, canonical: Sequence[str], seed: int) -> tuple[Rows, Rows]:
    """Divide held-out molecules at random: a third selects the epochs, the others calibrate.

    Intervals have their coverage only if calibration molecules were not used before: all rows of a
    molecule go to the same side.

    Args:
        rows: the held-out rows, of at least 2 molecules.
        canonical: N canonical SMILES.
        seed: of the division.
    """
    groups = groups_of(numbered([canonical[row] for row in rows]))
    if len(groups) < 2:
        raise BadValueError(
            f"expected at least 2 molecules in the validation set, got {len(groups)}: some select "
            "the epochs, the others calibrate the intervals"
        )
    order = np.random.default_rng(seed).permutation(len(groups))
    shuffled = [rows[groups[group]] for group in order]
    first = max(1, round(_SELECTION * len(groups)))
    return np.concatenate(shuffled[:first]), np.concatenate(shuffled[first:])


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
) -> MoleculeModel:
    """Train a model on some rows of a table and calibrate it on others.

    Args:
        features: of N molecules, as ``settings.wants``.
        targets: (N, t) in the targets' units, NaN where missing.
        train: rows to learn from.
        held_out: rows that select the epochs and calibrate the intervals.
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

    Raises:
        BadValueError: too few molecules, a target or an objective that cannot be used, or a device
            that is not there.
        RunError: training diverged.
    """
    from rnc_graph.training import check_device

    molecules = first_rows(features.canonical, train)
    if len(molecules) < _FEWEST_MOLECULES:
        raise BadValueError(
            f"training set: expected at least {_FEWEST_MOLECULES} molecules, got {len(molecules)}"
        )
    check_device(device)
    exact = targets if censored is None else np.where(censored == 0, targets, np.nan)
    measured = held_out
    if censored is not None:
        used = np.concatenate([train, held_out])
        bounds_alone = np.isnan(exact[used]).all(axis=0) & (censored[used] != 0).any(axis=0)
        if bounds_alone.any():
            raise BadValueError(
                f"target {target_names[int(bounds_alone.argmax())]!r}: all its measurements are "
                "bounds; expected values in the training and the validation set"
            )
        measured = held_out[~np.isnan(exact[held_out]).all(axis=1)]
    selection, calibration = divide_held_out(measured, features.canonical, seed)
    # Without networks there are no epochs to select.
    needed = [("selects the epochs", selection)] if settings.most_networks else []
    for part, rows in (*needed, ("calibrates", calibration)):
        lacking = np.flatnonzero(np.isnan(exact[rows]).all(axis=0))
        if lacking.size:
            raise BadValueError(
                f"target {target_names[lacking[0]]!r}: none of the {len(rows)} molecules of the "
                f"held-out set that {part} has it; hold out more molecules, or leave it out"
            )
    transforms = settings.transforms(target_names)
    wrong = np.argwhere(not_positive(targets, transforms))
    if len(wrong):
        row, target = wrong[0]
        raise BadValueError(
            f"target {target_names[target]!r}, row {row} (from 0): expected a positive number for "
            f"{transforms[target]}, got {targets[row, target]:g}"
        )
    scaler = TargetScaler.fit(targets[train], target_names, transforms)
    _check_spread(exact[train], target_names)
    descriptor_scaler = None
    if settings.descriptors:
        descriptor_scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors[train])
    seen = np.concatenate([train, selection])
    labels = torch.from_numpy(scaler.standardize(targets[seen])).float()
    if censored is not None or weights is not None:
        sides = np.zeros(targets.shape) if censored is None else censored
        counted = np.ones(len(targets)) if weights is None else weights / weights[train].mean()
        labels = weighted_bounds(
            labels, torch.from_numpy(sides[seen]).float(), torch.from_numpy(counted[seen]).float()
        )
    fold = np.full(len(train), -1)
    # Networks alone are equals: all can learn from everything.
    if settings.weights == "stacked" and settings.other_members:
        fold = fold_numbers([features.canonical[row] for row in train], seed)
    parts = TrainingParts(
        inputs=Inputs.of(features, seen, descriptor_scaler, embedded=settings.embedded),
        targets=labels,
        train=torch.arange(len(train)),
        selection=torch.arange(len(train), len(seen)),
        fold=torch.from_numpy(fold),
    )
    fitted = fit_members(parts, settings, seed, jobs, device, on_progress, plugins)
    members = [one.member for one in fitted]
    networks = sum(isinstance(member, Network) for member in members)
    uncalibrated = MoleculeModel(
        settings=settings.as_saved().model_copy(update={"networks": networks}),
        targets=list(target_names),
        units=list(units),
        scaler=scaler,
        descriptor_scaler=descriptor_scaler,
        members=members,
        weights=member_weights(fitted, parts) if settings.weights == "stacked" else None,
        typical_spread=np.zeros(targets.shape[1]),
        intervals=ConformalIntervals(np.empty((0, targets.shape[1]))),
        domain=Domain.fit(features.fingerprints[molecules]),
        seen=np.unique(digests([features.canonical[row] for row in [*train, *held_out]])),
        plugins=tuple(plugin.record for plugin in plugins),
    )
    # Without the typical spread, this is the spread as the targets are learned.
    spread = uncalibrated.predict_rows(features, selection).difficulty
    typical = np.median(spread, axis=0)
    # A single member has no spread: all molecules are of the same difficulty then.
    model = replace(uncalibrated, typical_spread=np.where(typical > 0, typical, scaler.sd))
    unseen = model.predict_rows(features, calibration)
    y_true, y_pred = scaler.transform(exact[calibration]), scaler.transform(unseen.values)
    scores = ConformalIntervals.calibrate(y_true, y_pred, unseen.difficulty)
    return replace(model, intervals=scores)


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
