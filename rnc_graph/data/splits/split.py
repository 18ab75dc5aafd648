"""A split, the samples that it divides, and the groups of samples that it keeps whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError
from rnc_graph.registry import Registry

Fractions = tuple[float, float, float]
"""Shares of the training, validation and test set; the last two may be 0."""

PUBLISHED = "published split"
"""The column that holds the set (train, validation or test) a dataset's authors put a sample in."""

SUBSET = "subset "
"""Prefix of the columns that mark ("yes") the members of a subset, such as activity cliffs."""

Groups = list[NDArray[np.int64]]
"""Indices of the members of each group."""


@dataclass(frozen=True)
class Split:
    """Indices of the training, validation and test set."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def sets(self) -> dict[str, NDArray[np.int64]]:
        """Return the indices by the name of their set."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


@dataclass(frozen=True)
class SplitSamples:
    """N samples to be divided.

    Attributes:
        name: of the dataset, for messages.
        keys: N keys; samples with equal keys always go to the same set. For molecules these are
            canonical SMILES without atom maps.
        targets: (N, t), NaN where missing.
        columns: N cells of each further column, by its name.
        rows: (N,) the row numbers of the samples in their file, for messages.
        smiles: whether the keys are SMILES, which scaffolds and clusters need.
    """

    name: str
    keys: list[str]
    targets: NDArray[np.float64]
    columns: Mapping[str, list[str]]
    rows: NDArray[np.int64]
    smiles: bool = True

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, table: Any, canonical: Sequence[str] | None = None) -> SplitSamples:
        """Take the samples of a table or dataset.

        Args:
            table: has ``name`` and ``targets``, and may have ``smiles``, ``extra`` (columns),
                ``published_split``, ``group`` and ``rows``. Molecules are kept whole;
                samples without SMILES are kept whole by ``group``, where there is one. Of a dataset
                of molecules its ``table`` is taken.
            canonical: the canonical SMILES, if they are known.
        """
        table = getattr(table, "table", table)
        columns = dict(getattr(table, "extra", {}))
        if getattr(table, "published_split", None) is not None:
            columns[PUBLISHED] = [str(name) for name in table.published_split]
        smiles = getattr(table, "smiles", None)
        if canonical is None and smiles is not None:
            from rnc_graph.data.features import molecule_features
            from rnc_graph.data.featurizer import FeaturizerConfig

            canonical = molecule_features(smiles, FeaturizerConfig(canonical=True)).canonical
        group = getattr(table, "group", None)
        count = len(table)
        keys = canonical if canonical is not None else range(count) if group is None else group
        return cls(
            name=table.name,
            keys=[str(key) for key in keys],
            targets=np.asarray(table.targets, dtype=np.float64).reshape(count, -1),
            columns=columns,
            rows=np.asarray(getattr(table, "rows", np.arange(1, count + 1))),
            smiles=canonical is not None,
        )

    @property
    def identity(self) -> NDArray[np.int64]:
        """(N,) one number for each key, from 0 in order of first appearance."""
        return numbered(self.keys)

    def column(self, name: str) -> list[str]:
        """Return the cells of a column; raises :class:`RncGraphError` if there is none."""
        if name not in self.columns:
            known = ", ".join(map(repr, self.columns)) or "none"
            raise BadValueError(
                f"{self.name}: no column {name!r} to split by; available columns: {known}"
            )
        return self.columns[name]

    def molecules(self, splitter: str) -> list[str]:
        """Return the canonical SMILES; raises :class:`RncGraphError` if there are none."""
        if not self.smiles:
            raise BadValueError(
                f"{self.name}: the {splitter} splitter expected molecules, got samples without "
                "SMILES"
            )
        return self.keys


class Splitter(Protocol):
    """Divides samples into three sets.

    A splitter whose test set the data decide, whatever the seed, has an attribute ``by_seed`` that
    is False.
    """

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split; the same arguments give the same one.

        Args:
            samples: N samples.
            seed: of random draws.
            fractions: shares of training, validation and test set; the last two may be 0.

        Raises:
            RncGraphError: the shares are not possible, or a set would be empty.
        """


SPLITS: Registry[Splitter] = Registry("split")
"""The splits by name."""


def check_fractions(fractions: Fractions) -> None:
    """Raise :class:`RncGraphError` unless the shares are possible; the last two may be 0."""
    train, validation, test = fractions
    if not (train > 0 and min(validation, test) >= 0 and abs(sum(fractions) - 1) <= 1e-9):
        raise BadValueError(
            "the share of the training set must be positive, those of the validation and test "
            f"set not negative, and they must sum to 1; got {fractions}"
        )


def checked(
    split: Split, samples: SplitSamples, how: str, fractions: Fractions, *, leaks: bool = False
) -> Split:
    """Return the split if no set is empty and no key is in two sets, else raise RncGraphError.

    Args:
        split: the split.
        samples: what it divides.
        how: name of the splitter, for messages.
        fractions: shares of the sets; one whose share is 0 may be empty.
        leaks: whether a key may be in two sets, as some published splits have it.
    """
    for (name, index), share in zip(split.sets().items(), fractions, strict=True):
        if len(index) == 0 and share > 0:
            raise BadValueError(
                f"{samples.name}: a {how} split leaves the {name} set empty: the groups of these "
                f"{len(samples)} samples are too large; use other fractions, more samples, or "
                "another split"
            )
    pairs = [] if leaks else leaking_pairs(split, samples)
    if pairs:
        first, second = (samples.rows[index] for index in pairs[0])
        raise BadValueError(
            f"{samples.name}: the {how} split puts one molecule into two sets, in rows {first} "
            f"and {second}"
            + (f" ({len(pairs)} such pairs)" if len(pairs) > 1 else "")
            + "; put them into one set, or leave them out of one (leaks='drop', "
            "--leaks drop)"
        )
    return split


def checked_indices(split: Any, count: int, how: str, fractions: Fractions) -> Split:
    """Return a split of ``count`` samples by a splitter of the user's own.

    Raises:
        BadValueError: it is no :class:`Split`, a set with a share is empty, or its sets are not
            indices from 0 below ``count``, each at most once.
    """
    if not isinstance(split, Split):
        raise BadValueError(f"{how}: expected a Split, got {type(split).__name__}")
    sets = [np.asarray(index) for index in split.sets().values()]
    for name, index, share in zip(split.sets(), sets, fractions, strict=True):
        if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
            raise BadValueError(
                f"{how}: expected indices (n,) of the {name} set, got {index.dtype} of shape "
                f"{index.shape}"
            )
        wrong = index[(index < 0) | (index >= count)]
        if wrong.size:
            raise BadValueError(
                f"{how}: expected indices of the {name} set from 0 to {count - 1}, got {wrong[0]}"
            )
        if not index.size and share > 0:
            raise BadValueError(f"{how}: the {name} set is empty")
    index, times = np.unique(np.concatenate(sets).astype(np.int64), return_counts=True)
    if (times > 1).any():
        raise BadValueError(
            f"{how}: expected each sample once, in one set, got sample {index[times > 1][0]} "
            f"{times.max()} times"
        )
    return Split(*(index.astype(np.int64) for index in sets))


def leaking_pairs(
    split: Split, samples: SplitSamples, order: NDArray[np.int64] | None = None
) -> list[tuple[int, int]]:
    """Return pairs of a molecule's first sample and one of its samples in another set.

    ``order`` (N,) holds the samples from first to last; by row by default.
    """
    order = np.arange(len(samples)) if order is None else order
    set_of = np.full(len(samples), -1)
    for number, indices in enumerate(split.sets().values()):
        set_of[indices] = number
    first: dict[str, int] = {}
    pairs = []
    for later in order[set_of[order] >= 0].tolist():
        earlier = first.setdefault(samples.keys[later], later)
        if set_of[earlier] != set_of[later]:
            pairs.append((earlier, later))
    return pairs


def numbered(values: Iterable[object]) -> NDArray[np.int64]:
    """Number equal values alike, from 0 in order of their first appearance."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def first_rows(canonical: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first of the rows of each molecule, in order."""
    return rows[np.unique(numbered(canonical[row] for row in rows), return_index=True)[1]]


def merged(*groupings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the finest grouping (N,) that keeps the groups of all given groupings whole."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(groupings[0])
    # Samples and groups are the nodes of a graph, and each sample is connected to its groups.
    ends, first = [], count
    for grouping in groupings:
        ends.append(first + grouping)
        first += int(grouping.max(initial=-1)) + 1
    source = np.tile(np.arange(count), len(groupings))
    edges = coo_array((np.ones(len(source)), (source, np.concatenate(ends))), shape=(first, first))
    _, labels = connected_components(edges, directed=False)
    return numbered(labels[:count].tolist())


def groups_of(numbers: NDArray[np.int64]) -> Groups:
    """Return the indices of each group, by its number."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.cumsum(np.bincount(numbers))[:-1])


def balanced(groups: Groups, seed: int, fractions: Sequence[float]) -> Groups:
    """Return the groups too large for half of a held-out set first, the others at random."""
    count = sum(map(len, groups))
    smallest = min((share for share in fractions[1:] if share > 0), default=1.0)
    large = [group for group in groups if len(group) > smallest * count / 2]
    others = [group for group in groups if len(group) <= smallest * count / 2]
    order = np.random.default_rng(seed).permutation(len(others))
    return [*large, *(others[number] for number in order)]


def filled(groups: Groups, fractions: Sequence[float]) -> Split:
    """Give whole groups, in order, to the training set, then validation, then test.

    A group goes to the first set that it does not make larger than its share, else to the last.
    """
    count = sum(map(len, groups))
    limits = [round(share * count) for share in fractions[:2]]
    sets: list[Groups] = [[], [], []]
    sizes = [0, 0, 0]
    last = max(number for number in range(3) if fractions[number] > 0)
    for group in groups:
        number = next((s for s in range(last) if sizes[s] + len(group) <= limits[s]), last)
        sets[number].append(group)
        sizes[number] += len(group)
    return Split(*map(joined, sets))


def joined(groups: Groups) -> NDArray[np.int64]:
    """Return the sorted indices of some groups."""
    return np.sort(np.concatenate(groups)) if groups else np.empty(0, dtype=np.int64)
