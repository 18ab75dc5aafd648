"""A member on fingerprints alone: support-vector regression with the min-max kernel of counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.svm import SVR
from torch import Tensor
from typing_extensions import Self

from rnc_graph.data.fingerprints import BINS, FINGERPRINTS
from rnc_graph.data.table import FloatArray
from rnc_graph.models.columns import Column
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.quick import LearnedByKernel, thinned_columns

# In standard deviations of a target; chosen on validation, as the fingerprints are.
_TUBE = 0.05
_C = 3.0
_BLOCK = 1024
# Share of the molecules that have a count, above which its column counts as dense.
_DENSE = 0.05


class FingerprintSVR(LearnedByKernel):
    """Support-vector regression with the min-max kernel of fingerprint counts, by target.

    The min-max kernel of two molecules is the sum of the smaller counts of each substructure over
    the sum of the larger ones: Tanimoto similarity on counts (Ralaivola et al., Neural Networks 18,
    2005). This one is the mean over several fingerprints. With more than 20,000 training molecules
    that have a target it learns from every second of them, every fourth, and so on.

    Its tensors are the ``coefficients`` (S, t) of the support molecules of all targets, the
    ``intercepts`` (t,), and the molecules' counts of each fingerprint as a sparse matrix
    (``starts`` (S + 1,), ``bins`` and ``counts`` of the molecules end to end).

    Args:
        targets: t.
        fingerprints: of the kernel; see :func:`fingerprint_counts`.
    """

    kind = "fingerprint-svr"
    # Their kernel matrix takes 3 GB, and several of the size are made on the way.
    largest = 20_000

    def __init__(self, n_targets: int, fingerprints: Sequence[str] = FINGERPRINTS) -> None:
        super().__init__(n_targets)
        self.fingerprints = fingerprints

    def fit(self, inputs: Inputs, targets: Tensor, train: Tensor) -> Self:
        """Learn each target from the rows of ``train`` that have it; see ``known_columns``."""
        learned = inputs.take(train)
        support, tensors = self._solve_all(learned, targets[train])
        for name, matrix in learned.fingerprint_counts(self.fingerprints).items():
            tensors |= tensors_of(name, matrix[support])
        return self.load(tensors)

    def predict(self, inputs: Inputs) -> FloatArray:
        """Return the (N, t) standardized predictions."""
        self._known = self._known or {
            name: MinMaxKernel(counts_of(name, self.learned)) for name in self.fingerprints
        }
        coefficients = self.learned["coefficients"].numpy()
        predicted: FloatArray = np.tile(self.learned["intercepts"].numpy(), (len(inputs), 1))
        counts = inputs.fingerprint_counts(self.fingerprints)
        for first in range(0, len(inputs), _BLOCK):
            block = {name: _block(matrix, first) for name, matrix in counts.items()}
            kernel = mean_kernel(block, self._known)
            predicted[first : first + _BLOCK] += kernel @ coefficients
        return predicted

    def _kernels(
        self, learned: Inputs, targets: Tensor
    ) -> Iterator[tuple[int, Column, FloatArray]]:
        counts, count = learned.fingerprint_counts(self.fingerprints), len(targets)
        whole = own_kernel(counts) if count <= self.largest else None
        every = torch.arange(count)
        for target, column in thinned_columns(targets, every, learned.smiles, self.largest):
            rows = column.rows
            if whole is None:
                own = {name: matrix[rows] for name, matrix in counts.items()}
                yield target, column, own_kernel(own)
            else:
                yield target, column, whole if len(rows) == count else whole[np.ix_(rows, rows)]

    def _solved(self, kernel: FloatArray, whole: Column, target: int) -> tuple[FloatArray, float]:
        svr = SVR(kernel="precomputed", C=_C, epsilon=_TUBE)
        svr.fit(kernel, whole.values, whole.weights)
        coefficients = np.zeros(len(kernel))
        coefficients[svr.support_] = svr.dual_coef_[0]
        return coefficients, float(svr.intercept_[0])


def tensors_of(fingerprint: str, counts: csr_array) -> dict[str, Tensor]:
    """Return the tensors that keep the counts of a fingerprint, (N, 4096)."""
    parts = {
        "starts": counts.indptr.astype(np.int32),
        "bins": counts.indices.astype(np.int16),
        "counts": counts.data.astype(np.int32),
    }
    return {f"{fingerprint}.{name}": torch.from_numpy(part) for name, part in parts.items()}


def counts_of(fingerprint: str, tensors: Mapping[str, Tensor]) -> csr_array:
    """Return the counts of a fingerprint that :func:`tensors_of` turned into tensors."""
    parts = [tensors[f"{fingerprint}.{part}"].numpy() for part in ("counts", "bins", "starts")]
    return csr_array(tuple(parts), (len(parts[2]) - 1, BINS))


def own_kernel(counts: dict[str, csr_array]) -> FloatArray:
    """Return the (N, N) mean of the min-max kernels of N molecules with each other."""
    return mean_kernel(counts, {name: MinMaxKernel(known) for name, known in counts.items()})


def mean_kernel(counts: dict[str, csr_array], kernels: dict[str, MinMaxKernel]) -> FloatArray:
    """Return the (N, M) mean of the min-max kernels of N molecules and M known ones."""
    first, *others = kernels
    total = kernels[first](counts[first])
    for name in others:
        total += kernels[name](counts[name])
    total /= len(kernels)
    return total


class MinMaxKernel:
    """The sums of the smaller counts over those of the larger, of molecules and M known ones.

    Two molecules without any count have a kernel of 0.

    Args:
        known: (M, B) counts.
    """

    def __init__(self, known: csr_array) -> None:
        # With a count of 3 written as 3 ones, the sum of the smaller counts is a scalar product.
        _, columns = _in_ones(known)
        own, lengths = np.unique(columns, return_counts=True)
        self._columns = np.append(own, np.iinfo(np.int64).max)  # The last is in no molecule.
        # Few columns hold most ones: those are multiplied as dense matrices, ten times as fast.
        dense = lengths > _DENSE * known.shape[0]
        # The place of each column in its own matrix.
        self._is_dense, self._place = dense, np.where(dense, dense.cumsum(), (~dense).cumsum()) - 1
        dense_ones, sparse_ones = self._ones(known)
        self._dense, self._sparse = dense_ones.T, sparse_ones.T.tocsr()
        self._totals = known.sum(axis=1)

    def __call__(self, counts: csr_array) -> FloatArray:
        """Return the kernel (N, M) of the counts (N, B)."""
        kernel = np.empty((counts.shape[0], len(self._totals)))
        for first in range(0, len(kernel), _BLOCK):
            block = _block(counts, first)
            dense, sparse = self._ones(block)
            smaller = dense @ self._dense + sparse @ self._sparse
            larger = block.sum(axis=1)[:, None] + self._totals - smaller
            kernel[first : first + _BLOCK] = smaller / np.maximum(larger, 1)
        return kernel

    def _ones(self, counts: csr_array) -> tuple[NDArray[np.float32], csr_array]:
        """Return counts as ones, in the dense and in the sparse columns of the known molecules."""
        rows, columns = _in_ones(counts)
        column = np.searchsorted(self._columns, columns)
        shared = self._columns[column] == columns
        rows, column = rows[shared], column[shared]
        place, is_dense = self._place[column], self._is_dense[column]
        dense = np.zeros((counts.shape[0], int(self._is_dense.sum())), np.float32)
        dense[rows[is_dense], place[is_dense]] = 1
        others = np.ones(int((~is_dense).sum()), np.float32)
        shape = (counts.shape[0], int((~self._is_dense).sum()))
        return dense, csr_array((others, (rows[~is_dense], place[~is_dense])), shape=shape)


def _block(matrix: csr_array, first: int) -> csr_array:
    """Return some rows from ``first`` on; to take all of a small matrix would cost a copy."""
    return matrix if matrix.shape[0] <= _BLOCK else matrix[first : first + _BLOCK]


def _in_ones(counts: csr_array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row of each one, and its column: the bin, and which one of the bin's it is."""
    repeats = counts.data
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    number = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    columns = np.repeat(counts.indices.astype(np.int64), repeats) + number * counts.shape[1]
    return np.repeat(rows, repeats), columns
