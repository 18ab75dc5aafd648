"""Random splits: of molecules, of molecules by label, and in folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rnc_graph.data.splits.split import (
    SPLITS,
    Fractions,
    Split,
    SplitSamples,
    check_fractions,
    checked,
    filled,
    groups_of,
    joined,
    numbered,
)
from rnc_graph.errors import BadValueError
from rnc_graph.quantiles import quantile_edges


def random_split(samples: int | Sequence[object], seed: int, fractions: Fractions) -> Split:
    """Divide samples at random; samples with equal keys stay together.

    Args:
        samples: their keys, such as canonical SMILES, or the number N of different samples.
        seed: the same seed gives the same split.
        fractions: shares of the training, validation and test set; the last two may be 0.

    Raises:
        RncGraphError: the shares are not possible, or a set would be empty.

    >>> split = random_split(1128, seed=0, fractions=(0.8, 0.1, 0.1))
    >>> len(split.train), len(split.validation), len(split.test)
    (902, 113, 113)
    """
    from sklearn.model_selection import train_test_split

    check_fractions(fractions)
    keys = range(samples) if isinstance(samples, int) else samples
    indices_of = groups_of(numbered(keys)) if len(keys) else []
    count = len(indices_of)
    n_validation, n_test = sizes = [round(share * count) for share in fractions[1:]]
    too_few = any(share > 0 and size < 1 for share, size in zip(fractions[1:], sizes, strict=True))
    if too_few or count - sum(sizes) < 1:
        raise BadValueError(f"{count} different samples are too few for sets of {fractions}")
    train = np.arange(count)
    test = validation = np.empty(0, dtype=np.int64)
    if n_test:
        train, test = train_test_split(train, test_size=n_test, random_state=seed)
    if n_validation:
        train, validation = train_test_split(train, test_size=n_validation, random_state=seed)
    return Split(
        *(
            np.concatenate([indices_of[key] for key in found]) if len(found) else found
            for found in (train, validation, test)
        )
    )


@SPLITS.register("random")
class RandomSplitter:
    """:func:`random_split` of the molecules."""

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split."""
        return random_split(samples.keys, seed, fractions)


@SPLITS.register("stratified")
class StratifiedSplitter:
    """Random within bins of the first target, so that all sets have its distribution.

    A molecule in several rows is in the bin of their mean.

    Args:
        bins: quantile bins; molecules without the target are one more bin.
    """

    def __init__(self, bins: int = 10) -> None:
        if bins < 2:
            raise BadValueError(f"bins: expected at least 2, got {bins}")
        self.bins = bins

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split."""
        check_fractions(fractions)
        indices_of = groups_of(samples.identity)
        target = samples.targets[:, 0]
        known_of = [own[~np.isnan(own)] for own in (target[indices] for indices in indices_of)]
        labels = np.array([own.mean() if len(own) else np.nan for own in known_of])
        known = ~np.isnan(labels)
        if not known.any():
            raise BadValueError(f"{samples.name}: a stratified split needs values of its target")
        stratum = np.full(len(labels), -1)
        stratum[known] = np.digitize(labels[known], quantile_edges(labels[known], self.bins))
        random = np.random.default_rng(seed)
        # Spread the shuffled molecules of each stratum evenly over [0, 1]: any interval then
        # contains all strata in proportion.
        position = np.empty(len(labels))
        for number in np.unique(stratum):
            members = random.permutation(np.flatnonzero(stratum == number))
            position[members] = (np.arange(len(members)) + random.random()) / len(members)
        order = np.argsort(position, kind="stable")
        split = filled([indices_of[molecule] for molecule in order], fractions)
        return checked(split, samples, "stratified", fractions)


@SPLITS.register("folds")
class FoldSplitter:
    """K-fold cross-validation: k consecutive seeds are one repeat, each with another test fold.

    Args:
        k: number of folds.
    """

    def __init__(self, k: int = 5) -> None:
        self.k = k

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return fold ``seed % k`` of repeat ``seed // k``; the test share is 1 / k."""
        repeat, fold = divmod(seed, self.k)
        share = fractions[1] / (fractions[0] + fractions[1])
        return list(folds(samples, self.k, seed=repeat, validation=share))[fold]


def folds(
    samples: SplitSamples,
    k: int = 5,
    *,
    repeats: int = 1,
    seed: int = 0,
    validation: float = 0.1,
) -> Iterator[Split]:
    """Yield k splits for each repeat: each fold is the test set once; molecules stay whole.

    Args:
        samples: N samples.
        k: number of folds.
        repeats: each has other folds.
        seed: of the draw.
        validation: share of the rest that becomes the validation set; 0 for none.

    Raises:
        RncGraphError: fewer than 2 folds, too few different molecules, or a share outside [0, 1).
    """
    indices_of = groups_of(samples.identity)
    if k < 2 or len(indices_of) < k + 1:
        raise BadValueError(
            f"{samples.name}: expected 2 or more folds and more molecules than folds, got {k} "
            f"folds of {len(indices_of)} different molecules"
        )
    if not 0 <= validation < 1:
        raise BadValueError(f"validation: expected a share in [0, 1), got {validation}")
    random = np.random.default_rng(seed)
    for _ in range(repeats):
        parts = np.array_split(random.permutation(len(indices_of)), k)
        for fold in parts:
            rest = random.permutation(np.concatenate([p for p in parts if p is not fold]))
            held_out = max(1, round(validation * len(rest))) if validation else 0
            sets = (rest[held_out:], rest[:held_out], fold)
            split = Split(*(joined([indices_of[molecule] for molecule in s]) for s in sets))
            yield checked(split, samples, f"{k}-fold", (1 - validation, validation, 1 / k))
