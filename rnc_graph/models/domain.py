"""How far is a molecule from those the model was trained on?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rnc_graph.data.table import FloatArray

# The share of training molecules whose nearest neighbor lies within the threshold of the domain.
_INSIDE = 0.95
# The largest number of training molecules kept: bounds the size and the prediction time.
_LARGEST = 20_000
_BLOCK = 512

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Domain:
    """The applicability domain: distances to the nearest training molecule.

    The distance is 1 - Tanimoto similarity of Morgan fingerprints of radius 2 with 2,048 bits
    (Rogers and Hahn, J. Chem. Inf. Model. 50, 2010): 0 for the same substructures, 1 for none in
    common.

    Attributes:
        fingerprints: (R, 256) packed bits of training molecules, at most 20,000.
        threshold: the distance beyond which a molecule lies outside: 95% of the training molecules
            are nearer than this to another one.
    """

    fingerprints: Bits
    threshold: float

    @classmethod
    def fit(cls, fingerprints: Bits) -> Domain:
        """Learn from the packed fingerprints (M, 256) of M different training molecules."""
        kept = _thinned(fingerprints)
        nearest = _distances(kept, _sparse(kept), leave_out_itself=True)
        return cls(kept, float(np.quantile(nearest, _INSIDE)))

    def distances(self, fingerprints: Bits) -> FloatArray:
        """Return each molecule's distance (N,), from 0 to 1, to the nearest training molecule."""
        return _distances(fingerprints, self._known)

    def around(self, fingerprints: Bits) -> Domain:
        """Return the domain with the same threshold around other molecules, (M, 256)."""
        return Domain(_thinned(fingerprints), self.threshold)

    @cached_property
    def _known(self) -> csr_array:
        return _sparse(self.fingerprints)


def _thinned(fingerprints: Bits) -> Bits:
    """Return at most 20,000 of them, at equal steps."""
    return fingerprints[:: -(-len(fingerprints) // _LARGEST)]


def _sparse(fingerprints: Bits) -> csr_array:
    """Return the bits of packed fingerprints, (N, 2048); a molecule has some fifty ones."""
    return csr_array(np.unpackbits(fingerprints, axis=1).astype(np.float32))


def _distances(queries: Bits, known: csr_array, *, leave_out_itself: bool = False) -> FloatArray:
    known_counts = known.sum(axis=1)
    nearest = np.ones(len(queries))
    for first in range(0, len(queries), _BLOCK):
        block = np.unpackbits(queries[first : first + _BLOCK], axis=1).astype(np.float32)
        shared = known @ block.T
        either = known_counts[:, None] + block.sum(axis=1) - shared
        similarity = shared / np.maximum(either, 1)
        if leave_out_itself:
            similarity[first + np.arange(len(block)), np.arange(len(block))] = 0
        nearest[first : first + _BLOCK] -= similarity.max(axis=0)
    return nearest
