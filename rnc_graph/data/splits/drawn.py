"""Splits drawn at random, evenly or by label."""

from __future__ import annotations

import numpy as np

from rnc_graph.data.splits.molecules import (
    Fractions,
    SplitMolecules,
    check_fractions,
    checked,
    filled,
)
from rnc_graph.data.splits.registry import SPLITS
from rnc_graph.data.splits.split import Split, random_split
from rnc_graph.errors import BadValueError
from rnc_graph.quantiles import quantile_edges


@SPLITS.register("random")
class RandomSplitter:
    """Rows at random; every further row of a molecule follows the first.

    Where no molecule stands in two rows it is :func:`random_split`.
    """

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts."""
        check_fractions(fractions)
        if fractions[2] == 0:
            # With nothing to test on, the test's rows of a split in two are the validation set.
            two = _in_two(len(molecules), seed, fractions)
        else:
            two = random_split(len(molecules), seed, fractions)
        part = np.empty(len(molecules), dtype=np.int64)
        for number, rows in enumerate((two.train, two.validation, two.test)):
            part[rows] = number
        identity = molecules.identity
        first = np.unique(identity, return_index=True)[1]
        part = part[first][identity]
        # The order in which they were drawn is kept.
        drawn = np.concatenate([two.train, two.validation, two.test])
        train, validation, test = (drawn[part[drawn] == number] for number in range(3))
        return checked(Split(train, validation, test), molecules, fractions, "random")


def _in_two(rows: int, seed: int, fractions: Fractions) -> Split:
    held = round(fractions[1] * rows)
    if not 0 < held < rows:
        raise BadValueError(f"{rows} molecules are too few to split into parts of {fractions}")
    order = np.random.default_rng(seed).permutation(rows)
    return Split(order[held:], order[:held], np.empty(0, dtype=np.int64))


@SPLITS.register("stratified")
class StratifiedSplitter:
    """At random within bins of the first target, so that all parts have its distribution.

    Args:
        bins: quantile bins; molecules without the target are one more.
    """

    def __init__(self, bins: int = 10) -> None:
        if bins < 2:
            raise BadValueError(f"bins must be at least 2, found {bins}")
        self.bins = bins

    def split(self, molecules: SplitMolecules, seed: int, fractions: Fractions) -> Split:
        """Return the parts."""
        check_fractions(fractions)
        identity = molecules.identity
        first = np.unique(identity, return_index=True)[1]
        labels = molecules.targets[first, 0]
        known = ~np.isnan(labels)
        stratum = np.full(len(labels), -1)
        stratum[known] = np.digitize(labels[known], quantile_edges(labels[known], self.bins))
        random = np.random.default_rng(seed)
        rows_of = np.split(np.argsort(identity, kind="stable"), np.cumsum(np.bincount(identity)))
        # Molecules spread evenly over each stratum's own order, then all by that place: any stretch
        # of the line has every stratum in proportion.
        place = np.empty(len(labels))
        for number in np.unique(stratum):
            members = random.permutation(np.flatnonzero(stratum == number))
            place[members] = (np.arange(len(members)) + random.random()) / len(members)
        order = np.argsort(place, kind="stable")
        return checked(
            filled([rows_of[m] for m in order], fractions), molecules, fractions, "stratified"
        )
