"""K-fold cross-validation, once or several times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnc_graph.data.splits.molecules import SplitMolecules, checked, groups_of
from rnc_graph.data.splits.split import Split
from rnc_graph.errors import BadValueError


def folds(
    molecules: SplitMolecules,
    k: int = 5,
    *,
    repeats: int = 1,
    seed: int = 0,
    validation: float = 0.1,
) -> Iterator[Split]:
    """Yield k splits a repeat: each fold is the test set once; no molecule stands in two folds.

    Args:
        molecules: N rows.
        k: number of folds.
        repeats: each with other folds.
        seed: the same seed gives the same folds.
        validation: share of the rest that is the validation set.

    Raises:
        RncGraphError: fewer than 2 folds, fewer different molecules than parts, or a share outside
            (0, 1).
    """
    rows_of = groups_of(molecules.identity)
    if k < 2 or len(rows_of) < k + 1:
        raise BadValueError(
            f"{k} folds of {len(rows_of)} different molecules: there must be at least 2 folds, and "
            "more molecules than folds"
        )
    if not 0 < validation < 1:
        raise BadValueError(f"the validation set's share must lie in (0, 1), not {validation}")
    random = np.random.default_rng(seed)
    for _ in range(repeats):
        # Molecules in even parts; their further rows go with them.
        for fold in (order := np.array_split(random.permutation(len(rows_of)), k)):
            rest = np.concatenate([other for other in order if other is not fold])
            rest = random.permutation(rest)
            held = max(1, round(validation * len(rest)))
            train, chosen, test = (
                np.sort(np.concatenate([rows_of[molecule] for molecule in part]))
                for part in (rest[held:], rest[:held], fold)
            )
            yield checked(Split(train, chosen, test), molecules, (0.8, 0.1, 0.1), f"{k}-fold")
