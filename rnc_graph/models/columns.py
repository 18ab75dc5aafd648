"""What is known of one target: values, bounds of values, and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr
from torch import Tensor

from rnc_graph.data.splits.split import numbered
from rnc_graph.data.table import FloatArray

# With fewer exact values no error can be estimated: bounds are taken for values.
_FEWEST = 20
# One molecule in so many measures, by its exact values, the error of what the others teach.
_SHARE = 5
# Of standardized targets: the error on a few values may be 0, by which nothing can be divided.
_LEAST_SD = 1e-3


@dataclass(frozen=True)
class Column:
    """One target of k rows.

    Attributes:
        rows: (k,) which rows have it.
        values: (k,) values and bounds.
        censored: (k,) 0 for a value, 1 where the value is above its number, -1 where it is below.
        weights: (k,), None if all rows count alike.
        molecules: (k,) the number of each row's molecule; None if all rows are of different ones.
    """

    rows: NDArray[np.int64]
    values: FloatArray
    censored: FloatArray
    weights: FloatArray | None
    molecules: NDArray[np.int64] | None = None

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Column:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[index]
        molecules = None if self.molecules is None else self.molecules[index]
        return Column(
            self.rows[index], self.values[index], self.censored[index], weights, molecules
        )

    def completed(self, predict: Callable[[Column, NDArray[np.bool_]], FloatArray]) -> Column:
        """Return the column with the value in place of each bound that is expected beyond it.

        A first model takes the bounds for values, of four in five molecules. Its error on the
        values of the others is taken for the standard deviation of a normal distribution around its
        predictions, whose mean beyond the bound is the expected value: one step of the EM algorithm
        for the Tobit model. Of what was tried it had the lowest error on validation sets; see
        docs/model.md.

        ``predict`` returns the predictions (k,) of a model that learns from some of the rows.
        """
        if not self.censored.any():
            return self
        exact, values = self.censored == 0, self.values
        as_values = replace(self, censored=np.zeros_like(values))
        held = self._held_out(exact)
        if exact.sum() >= _FEWEST and (held & exact).any():
            kept = ~held
            predicted = predict(as_values.take(kept), kept)
            sd = float(np.sqrt(np.mean((predicted - values)[held & exact] ** 2)))
            values = np.where(exact, values, expected_beyond(values, self.censored, predicted, sd))
        return replace(as_values, values=values)

    def _held_out(self, exact: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the rows (k,) of one molecule in five of those with an exact value."""
        own = np.arange(len(self.rows)) if self.molecules is None else self.molecules
        molecules = own[exact]
        held: NDArray[np.bool_] = np.isin(
            own, molecules[(numbered(molecules.tolist()) + 1) % _SHARE == 0]
        )
        return held


def expected_beyond(
    bounds: FloatArray, censored: FloatArray, mean: FloatArray, sd: float
) -> FloatArray:
    """Return the means (k,) of normal distributions beyond ``bounds`` (k,).

    Above them where ``censored`` (k,) is 1, below where it is -1; ``mean`` (k,) and ``sd`` are
    those of the distributions.
    """
    sd = max(sd, _LEAST_SD)
    reach = censored * (bounds - mean) / sd
    # phi / (1 - Phi), which both vanish far out, by their logarithms.
    log_density = -(reach**2 + np.log(2 * np.pi)) / 2
    expected: FloatArray = mean + censored * sd * np.exp(log_density - log_ndtr(-reach))
    return expected


def known_columns(targets: Tensor, train: Tensor, smiles: Sequence[str] = ()) -> list[Column]:
    """Return what the rows of ``train`` that have it know of each target.

    ``targets`` are (N, t), NaN where missing, or (N, t, 3) as
    :func:`~rnc_graph.data.bounds.weighted_bounds` makes them. ``smiles`` are the N canonical
    SMILES, by which rows of one molecule are known; none where each row is another molecule.
    """
    columns = []
    molecules = numbered(smiles if targets.dim() == 3 else ())
    for target in range(targets.shape[1]):
        parts = targets[train, target].double().numpy()
        if targets.dim() == 2:  # All are values, and count alike.
            parts = np.stack([parts, np.zeros_like(parts), np.ones_like(parts)], axis=1)
        known = ~np.isnan(parts[:, 0])
        rows, (values, censored, weights) = train.numpy()[known], parts[known].T.copy()
        columns.append(
            Column(
                rows,
                values,
                censored,
                None if (weights == 1).all() else weights,
                molecules[rows] if len(molecules) else None,
            )
        )
    return columns
