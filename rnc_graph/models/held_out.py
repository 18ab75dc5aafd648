"""Molecules that a model does not learn from: some select the epochs, the others calibrate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnc_graph.data.splits.split import groups_of, numbered
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError
from rnc_graph.models.calibration import Rows

# The share of the held-out set that selects the epochs; the others calibrate.
_SELECTION = 1 / 3


def hold_out(canonical: Sequence[str], rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Divide rows at random into those to learn from and those held out, molecule by molecule.

    ``canonical`` are the SMILES of all molecules; a share ``fraction`` of them is held out.

    Raises:
        BadValueError: a wrong fraction, or too few molecules.
    """
    from sklearn.model_selection import GroupShuffleSplit

    if not 0 <= fraction < 1:
        raise BadValueError(
            f"validation_fraction: expected at least 0 and less than 1, got {fraction}"
        )
    if fraction == 0:
        return rows, rows[:0]
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


def divide_held_out(
    held_out: Rows,
    canonical: Sequence[str],
    targets: FloatArray,
    target_names: Sequence[str],
    *,
    networks: bool,
    seed: int,
) -> tuple[Rows, Rows]:
    """Divide held-out molecules at random: a third selects the epochs, the others calibrate.

    Intervals have their coverage only if calibration molecules were not used before: all rows of a
    molecule, by the N ``canonical`` SMILES, go to the same side. ``targets`` are (N, t) values, NaN
    where missing. Without ``networks`` there are no epochs to select.

    Raises:
        BadValueError: there are fewer than 2 molecules, or a set lacks a target.
    """
    molecules = numbered(canonical[row] for row in held_out)
    groups = groups_of(molecules) if len(held_out) else []
    if len(groups) < 2:
        raise BadValueError(
            f"expected at least 2 molecules in the validation set, got {len(groups)}: some select "
            "the epochs, the others calibrate the intervals"
        )
    order = np.random.default_rng(seed).permutation(len(groups))
    shuffled = [held_out[groups[group]] for group in order]
    first = max(1, round(_SELECTION * len(groups)))
    selection, calibration = np.concatenate(shuffled[:first]), np.concatenate(shuffled[first:])
    needed = {"selects the epochs": selection} if networks else {}
    for part, rows in (needed | {"calibrates": calibration}).items():
        lacking = np.flatnonzero(np.isnan(targets[rows]).all(axis=0))
        if lacking.size:
            raise BadValueError(
                f"target {target_names[lacking[0]]!r}: none of the {len(rows)} molecules of the "
                f"held-out set that {part} has it; hold out more molecules, or leave it out"
            )
    return selection, calibration
