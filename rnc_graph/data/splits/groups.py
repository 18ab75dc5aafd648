"""Groups of samples that a split keeps whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Groups = list[NDArray[np.int64]]


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
    smallest = min(share for share in fractions[1:] if share > 0)
    large = [group for group in groups if len(group) > smallest * count / 2]
    others = [group for group in groups if len(group) <= smallest * count / 2]
    order = np.random.default_rng(seed).permutation(len(others))
    return [*large, *(others[number] for number in order)]


def filled(groups: Groups, fractions: Sequence[float]) -> Groups:
    """Give whole groups, in order, to the training set, then validation, then test.

    A group goes to the first set that it does not make larger than its share, else to the last.

    Returns:
        The sorted indices of the three sets.
    """
    count = sum(map(len, groups))
    limits = [round(share * count) for share in fractions[:2]]
    sets: list[Groups] = [[], [], []]
    sizes = [0, 0, 0]
    last = 2 if fractions[2] > 0 else 1
    for group in groups:
        number = next((s for s in range(last) if sizes[s] + len(group) <= limits[s]), last)
        sets[number].append(group)
        sizes[number] += len(group)
    return [joined(found) for found in sets]


def joined(groups: Groups) -> NDArray[np.int64]:
    """Return the sorted indices of some groups."""
    return np.sort(np.concatenate(groups)) if groups else np.empty(0, dtype=np.int64)
