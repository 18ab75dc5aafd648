"""A member that compares descriptors, an embedding and fingerprints at once: a Gaussian process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.sparse import csr_array
from torch import Tensor
from typing_extensions import Self

from rnc_graph.data.bounds import exact
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.data.table import FloatArray
from rnc_graph.models.columns import Column
from rnc_graph.models.fingerprint_svr import MinMaxKernel, counts_of, tensors_of
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.quick import LearnedByKernel, thinned_columns

# Parameters that were searched for on more molecules were no better on validation sets.
_SEARCHED = 400
_STEPS = 20
# Where the search begins: variances of a kernel on vectors, of one on a fingerprint, and of the
# noise, with targets standardized. Their logarithms have a normal prior around it.
_VECTORS, _FINGERPRINT, _NOISE = 0.5, 0.1, 0.1
_PRIOR_SD = 2.0
_FARTHEST = 8.0
# Added to the noise, so that the kernel of equal molecules can be inverted.
_LEAST_NOISE = 1e-6
# Of a standardized embedding: beyond, a molecule is as far as it can be.
_LARGEST = 5.0
_BLOCK = 1024


@dataclass(frozen=True)
class _Molecules:
    """What N molecules are compared by.

    Attributes:
        vectors: (N, d) float32 of each kernel on vectors.
        counts: (N, 4096) of each fingerprint.
    """

    vectors: list[Tensor]
    counts: list[csr_array]

    def take(self, index: NDArray[np.int64] | slice) -> _Molecules:
        rows = index if isinstance(index, slice) else torch.from_numpy(index)
        return _Molecules(
            [vectors[rows] for vectors in self.vectors], [count[index] for count in self.counts]
        )

    def __len__(self) -> int:
        return int(self.counts[0].shape[0])


class GaussianProcess(LearnedByKernel):
    """Gaussian-process regression (Rasmussen & Williams 2006, Algorithm 2.1), by target.

    Its kernel is a sum of a Matern kernel (nu = 5/2, their Eq. 4.17) on descriptors, of another on
    the embedding of the frozen pretrained encoder, and of the min-max kernel of each fingerprint.
    The variances of all, the lengths and the noise maximize the marginal likelihood (their Eq. 5.8)
    with a wide prior, on 400 of the molecules. With more than 10,000 training molecules that have a
    target it learns from every second of them, every fourth, and so on.

    Its tensors are ``mean`` and ``sd`` (d,) of the embedding; of the S molecules that it uses the
    ``scores`` (S, k), the standardized ``embedding`` (S, d), and the counts of each fingerprint as
    those of ``FingerprintSVR``; the ``coefficients`` (S, t) and ``intercepts`` (t,), and the
    logarithms of the kernel's ``parameters`` (t, p).
    """

    kind = "gaussian-process"
    largest = 10_000  # A kernel of these takes 0.8 GB.

    def fit(self, inputs: Inputs, targets: Tensor, train: Tensor) -> Self:
        """Learn each target from the rows of ``train`` that have it; see ``known_columns``."""
        learned = inputs.take(train)
        embedding = learned.embedding.double()
        sd = embedding.std(dim=0, unbiased=False)
        self.learned = {"mean": embedding.mean(dim=0), "sd": torch.where(sd > 0, sd, 1.0)}
        molecules = self._molecules(learned)
        start = _start(len(molecules.vectors))
        parameters = start.repeat(self.n_targets, 1)
        every = torch.arange(len(train))
        for target, column in thinned_columns(targets[train], every, learned.smiles, self.largest):
            parameters[target] = _searched(molecules.take(column.rows), column, start)
        self.learned["parameters"] = parameters
        used, tensors = self._solve_all(learned, targets[train])
        rows = torch.from_numpy(used)
        tensors["scores"] = learned.scores[rows]
        tensors["embedding"] = self._standardized(learned.embedding[rows])
        for name, counts in zip(FINGERPRINTS, molecules.counts, strict=True):
            tensors |= tensors_of(name, counts[used])
        return self.load(self.learned | tensors)

    def predict(self, inputs: Inputs) -> FloatArray:
        """Return the (N, t) standardized predictions."""
        if self._known is None:
            counts = [counts_of(name, self.learned) for name in FINGERPRINTS]
            vectors = [self.learned["scores"], self.learned["embedding"]]
            self._known = _Kernels(_Molecules([v for v in vectors if v.shape[1]], counts))
        coefficients, parameters = self.learned["coefficients"], self.learned["parameters"]
        predicted = self.learned["intercepts"].repeat(len(inputs), 1)
        molecules = self._molecules(inputs)
        for first in range(0, len(inputs), _BLOCK):
            block = slice(first, first + _BLOCK)
            parts = self._known.parts(molecules.take(block))
            for target in range(self.n_targets):
                kernel = _sum(parts, parameters[target])
                predicted[block, target] += kernel @ coefficients[:, target]
        found: FloatArray = predicted.numpy()
        return found

    def keeps_kernel(self, targets: Tensor) -> bool:
        """Tell whether the molecules of a fold have next to no say in the kernel's parameters.

        They have one where a target has so few molecules that all of them choose.
        """
        known = ~exact(targets).isnan()
        return bool(known.sum(dim=0).min() > _SEARCHED)

    def _kernels(
        self, learned: Inputs, targets: Tensor
    ) -> Iterator[tuple[int, Column, FloatArray]]:
        molecules = self._molecules(learned)
        every = torch.arange(len(targets))
        for target, column in thinned_columns(targets, every, learned.smiles, self.largest):
            own = molecules.take(column.rows)
            yield target, column, _kernel(own, self.learned["parameters"][target]).numpy()

    def _solved(self, kernel: FloatArray, whole: Column, target: int) -> tuple[FloatArray, float]:
        intercept = float(np.average(whole.values, weights=whole.weights))
        noisy = kernel.copy()  # A diagonal matrix would take as much again.
        noise = _noise(self.learned["parameters"][target], len(kernel), whole.weights)
        noisy[np.diag_indices_from(noisy)] += noise.numpy()
        factor = cho_factor(noisy, lower=True, overwrite_a=True)
        return cho_solve(factor, whole.values - intercept), intercept

    def _molecules(self, inputs: Inputs) -> _Molecules:
        vectors = [inputs.scores, self._standardized(inputs.embedding)]
        counts = inputs.fingerprint_counts(FINGERPRINTS)
        return _Molecules([v for v in vectors if v.shape[1]], list(counts.values()))

    def _standardized(self, embedding: Tensor) -> Tensor:
        standardized = (embedding.double() - self.learned["mean"]) / self.learned["sd"]
        return standardized.clamp(-_LARGEST, _LARGEST).float()


class _Kernels:
    """The parts of the kernel of molecules and M known ones."""

    def __init__(self, known: _Molecules) -> None:
        self._vectors = [vectors.double() for vectors in known.vectors]
        self._squares = [vectors.square().sum(dim=1) for vectors in self._vectors]
        self._counts = [MinMaxKernel(counts) for counts in known.counts]

    def parts(self, molecules: _Molecules) -> list[Tensor]:
        """Return squared distances, means over the d columns, and the min-max kernels, (N, M)."""
        distances = []
        for vectors, known, squares in zip(
            molecules.vectors, self._vectors, self._squares, strict=True
        ):
            own = vectors.double()
            products = own @ known.T
            squared = own.square().sum(dim=1)[:, None] + squares - 2 * products
            distances.append(squared.clamp_min(0) / known.shape[1])
        pairs = zip(self._counts, molecules.counts, strict=True)
        return [*distances, *(torch.from_numpy(kernel(counts)) for kernel, counts in pairs)]


def _start(vectors: int) -> Tensor:
    """Return the logarithms of variances, then of lengths, then of the variance of the noise."""
    fingerprints = [_FINGERPRINT] * len(FINGERPRINTS)
    parameters = [*[_VECTORS] * vectors, *fingerprints, *[1.0] * vectors, _NOISE]
    return torch.tensor(parameters, dtype=torch.double).log()


def _sum(parts: Sequence[Tensor], parameters: Tensor) -> Tensor:
    """Return the kernel (N, M) of its parts."""
    values = parameters.exp()
    lengths = values[len(parts) : -1]
    total = torch.zeros_like(parts[0])
    for number, part in enumerate(parts):
        kernel = part
        if number < len(lengths):
            # The root of 0 has no derivative.
            distance = (5 * part / lengths[number] ** 2 + 1e-12).sqrt()
            kernel = (1 + distance + distance.square() / 3) * (-distance).exp()
        total = total + values[number] * kernel
    return total


def _kernel(molecules: _Molecules, parameters: Tensor) -> Tensor:
    """Return the kernel (N, N), made in blocks: its parts would take six times the memory."""
    kernels = _Kernels(molecules)
    blocks = [slice(begin, begin + _BLOCK) for begin in range(0, len(molecules), _BLOCK)]
    return torch.cat([_sum(kernels.parts(molecules.take(block)), parameters) for block in blocks])


def _noise(parameters: Tensor, count: int, weights: FloatArray | None) -> Tensor:
    """Return the variance of the noise of each of ``count`` rows; weights divide it."""
    noise = (parameters[-1].exp() + _LEAST_NOISE).repeat(count)
    return noise if weights is None else noise * weights.mean() / torch.from_numpy(weights)


def _searched(molecules: _Molecules, column: Column, start: Tensor) -> Tensor:
    """Return the parameters with the largest marginal likelihood of some of the molecules."""
    rows = np.flatnonzero(column.censored == 0)
    rows = rows if len(rows) else np.arange(len(column.rows))
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _SEARCHED).astype(np.int64))]
    some = molecules.take(rows)
    parts = _Kernels(some).parts(some)
    values = torch.from_numpy(column.values[rows])
    weights = None if column.weights is None else column.weights[rows]
    values = values - values.mean()

    def negative(found: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative logarithm of the posterior, and its gradient."""
        with torch.enable_grad():
            parameters = torch.from_numpy(found).requires_grad_()
            noise = _noise(parameters, len(rows), weights)
            factor = torch.linalg.cholesky(_sum(parts, parameters) + noise.diag())
            solved = torch.cholesky_solve(values[:, None], factor)[:, 0]
            likelihood = values @ solved / 2 + factor.diagonal().log().sum()
            prior = ((parameters - start) / _PRIOR_SD).square().sum() / 2
            total = likelihood + prior
            (gradient,) = torch.autograd.grad(total, parameters)
        return float(total.detach()), gradient.numpy()

    bounds = [(value - _FARTHEST, value + _FARTHEST) for value in start.tolist()]
    found = minimize(
        negative,
        start.numpy(),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _STEPS},
    )
    return torch.from_numpy(found.x)
