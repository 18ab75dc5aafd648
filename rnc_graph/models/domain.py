"""How far is a molecule from those the model was trained on?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        step = -(-len(fingerprints) // _LARGEST)
        kept = fingerprints[::step]
        nearest = _distances(kept, kept, leave_out_itself=True)
        return cls(kept, float(np.quantile(nearest, _INSIDE)))

    def distances(self, fingerprints: Bits) -> FloatArray:
        """Return each molecule's distance (N,), from 0 to 1, to the nearest training molecule."""
        return _distances(fingerprints, self.fingerprints)


def _distances(queries: Bits, references: Bits, *, leave_out_itself: bool = False) -> FloatArray:
    known = np.unpackbits(references, axis=1).astype(np.float32)
    known_counts = known.sum(axis=1)
    nearest = np.ones(len(queries))
    for first in range(0, len(queries), _BLOCK):
        block = np.unpackbits(queries[first : first + _BLOCK], axis=1).astype(np.float32)
        shared = block @ known.T
        either = block.sum(axis=1)[:, None] + known_counts - shared
        similarity = shared / np.maximum(either, 1)
        if leave_out_itself:
            similarity[np.arange(len(block)), first + np.arange(len(block))] = 0
        nearest[first : first + _BLOCK] -= similarity.max(axis=1)
    return nearest
