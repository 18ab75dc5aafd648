"""How good a model is on molecules with measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.table import FloatArray, exact_values
from rnc_graph.metrics.intervals import coverage
from rnc_graph.metrics.regression import metrics_by_target
from rnc_graph.models.model import MoleculeModel, Predictions

LEVEL = 0.9
"""The level of the intervals whose coverage is reported."""

LEVELS = np.arange(10, 96, 5) / 100
"""At which intervals are checked."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions of N measured molecules.

    Attributes:
        smiles: N SMILES.
        rows: (N,) their row numbers in the file, from 1.
        y_true: (N, t), NaN where missing.
        predictions: of the N molecules.
        low: (N, t) lower end of the intervals, NaN where too few molecules calibrate them.
        high: (N, t) upper end.
        level: of the intervals.
        targets: names of the t targets.
        units: of the t targets.
        scaler: of the model, with the transforms of the targets.
        censored: (N, t) 0 where ``y_true`` is a value, 1 where the value is above it, -1 where it
            is below; None if all are values. Errors are those of values alone.
        ids: N texts that name the rows; none without such a column.
        id_column: the name of that column.
    """

    smiles: list[str]
    rows: NDArray[np.int64]
    y_true: FloatArray
    predictions: Predictions
    low: FloatArray
    high: FloatArray
    level: float
    targets: list[str]
    units: list[str]
    scaler: TargetScaler
    censored: NDArray[np.int8] | None = None
    ids: list[str] = field(default_factory=list)
    id_column: str = ""

    def take(self, rows: NDArray[np.int64]) -> Evaluation:
        """Return the evaluation of some of the molecules."""
        return replace(
            self,
            smiles=[self.smiles[row] for row in rows],
            rows=self.rows[rows],
            y_true=self.y_true[rows],
            predictions=self.predictions.take(rows),
            low=self.low[rows],
            high=self.high[rows],
            censored=None if self.censored is None else self.censored[rows],
            ids=[self.ids[row] for row in rows] if self.ids else [],
        )

    @property
    def exact(self) -> FloatArray:
        """(N, t) the measured values, NaN where missing or where only a bound is known."""
        return exact_values(self.y_true, self.censored)

    def transformed(self) -> Evaluation:
        """Return the evaluation in the scales of the transforms, such as "log10 of IC50"."""
        scaler = self.scaler
        if not scaler.transforms:
            return self
        names = zip(self.targets, scaler.transforms, strict=True)
        return replace(
            self,
            y_true=scaler.transform(self.y_true),
            predictions=replace(self.predictions, values=scaler.transform(self.predictions.values)),
            low=scaler.transform(self.low),
            high=scaler.transform(self.high),
            targets=[name if how == "none" else f"{how} of {name}" for name, how in names],
            scaler=replace(scaler, transforms=()),
        )

    def scales(self) -> list[tuple[Evaluation, int]]:
        """Return each target in its unit, followed by the scale of its transform if it has one.

        Without targets that were not measured at all.
        """
        transformed = self.transformed()
        return [
            (evaluation, target)
            for target, name in enumerate(self.targets)
            if not np.isnan(self.y_true[:, target]).all()
            for evaluation in (self, transformed)
            if evaluation is self or evaluation.targets[target] != name
        ]

    def row_name(self, row: int) -> str:
        """Return what figures call a molecule, by its index."""
        return self.ids[row] if self.ids else f"row {self.rows[row]}"

    def known(self, target: int) -> NDArray[np.int64]:
        """Return the molecules that have a value of a target and a prediction of it."""
        both = ~np.isnan(self.exact[:, target]) & ~np.isnan(self.predictions.values[:, target])
        return np.flatnonzero(both)

    def metrics(self, target: int) -> dict[str, float]:
        """Return the metrics of one target, in its unit, over the molecules that have it.

        Those of :func:`~rnc_graph.metrics.metrics_by_target`; "coverage", the share within their
        intervals; "width", the median width of these; and "out_of_domain", the share out of the
        domain. NaN where there are too few molecules. With bounds also "bounds", how many there
        are, and "violations", the share of them on whose wrong side the prediction is.
        """
        rows = self.known(target)
        arrays = (self.y_true, self.predictions.values, self.low, self.high)
        y_true, predicted, low, high = (array[rows, target, None] for array in arrays)
        inside, count, _ = self.covered(target)
        out_of_domain = self.predictions.out_of_domain[rows]
        return {
            **metrics_by_target(y_true, predicted)[0],
            "coverage": inside / count if count else math.nan,
            "width": float(np.median(high - low)) if count else math.nan,
            "out_of_domain": float(out_of_domain.mean()) if rows.size else math.nan,
            **self._violations(target),
        }

    def by_domain(self) -> dict[str, Evaluation]:
        """Return the evaluations of the molecules in the domain, and of those out of it."""
        out_of_domain = self.predictions.out_of_domain
        rows = {
            "in the domain": np.flatnonzero(~out_of_domain),
            "out of domain": np.flatnonzero(out_of_domain),
        }
        return {name: self.take(own) for name, own in rows.items()}

    def covered(self, target: int) -> tuple[int, int, int]:
        """Return how many values of a target are in their intervals, of how many, of M molecules.

        (0, 0, 0) where too few molecules calibrate the intervals.
        """
        rows = self.known(target)
        rows = rows[np.isfinite(self.low[rows, target])]
        y_true, low, high = (a[rows, target] for a in (self.y_true, self.low, self.high))
        inside = (low <= y_true) & (y_true <= high)
        return int(inside.sum()), len(rows), len(np.unique(self.predictions.molecule[rows]))

    def _violations(self, target: int) -> dict[str, float]:
        if self.censored is None:
            return {}
        sides = self.censored[:, target]
        beyond = sides * (self.predictions.values - self.y_true)[:, target]
        of_bounds = beyond[(sides != 0) & ~np.isnan(beyond)]
        share = float((of_bounds < 0).mean()) if of_bounds.size else math.nan
        return {"bounds": len(of_bounds), "violations": share}


def evaluate_predictions(
    model: MoleculeModel,
    smiles: Sequence[str],
    rows: NDArray[np.int64],
    y_true: FloatArray,
    predictions: Predictions,
    level: float = LEVEL,
    *,
    censored: NDArray[np.int8] | None = None,
    ids: Sequence[str] = (),
    id_column: str = "",
) -> Evaluation:
    """Compare measurements (N, t) of N molecules with a model's predictions."""
    low, high = model.interval(predictions, level)
    return Evaluation(
        smiles=list(smiles),
        rows=rows,
        y_true=y_true,
        predictions=predictions,
        low=low,
        high=high,
        level=level,
        targets=model.targets,
        units=model.units,
        scaler=model.scaler,
        censored=censored,
        ids=list(ids),
        id_column=id_column,
    )


@dataclass(frozen=True)
class Calibration:
    """Whether the intervals of one target cover as many values as they should.

    Attributes:
        count: n, the values that were checked.
        levels: (L,) shares that the intervals should cover.
        seen: (L,) shares of the n values that they cover; NaN above the highest level.
        low, high: (L,) where 95% of such shares are if calibration and test molecules are
            exchangeable: quantiles of the beta-binomial distribution of the molecules of the n
            values, whose intervals c molecules calibrate (Vovk, ACML 2012).
    """

    count: int
    levels: FloatArray
    seen: FloatArray
    low: FloatArray
    high: FloatArray


def calibration(model: MoleculeModel, evaluation: Evaluation, target: int) -> Calibration:
    """Compare the shares that a model's intervals should cover with those that they do cover."""
    from scipy.stats import betabinom

    rows = evaluation.known(target)
    y_true, predictions = evaluation.y_true[rows, target], evaluation.predictions.take(rows)
    count, calibrated = len(np.unique(predictions.molecule)), model.intervals.counts[target]
    seen, low, high = (np.full(len(LEVELS), np.nan) for _ in range(3))
    for number, level in enumerate(LEVELS.tolist()):
        least = math.ceil(round(level * (calibrated + 1), 9))
        if least > calibrated or not count:
            continue
        ends = (end[:, target] for end in model.interval(predictions, level))
        seen[number] = coverage(y_true, *ends)
        shares = betabinom(count, least, calibrated + 1 - least)
        low[number], high[number] = shares.ppf([0.025, 0.975]) / count
    return Calibration(len(rows), LEVELS, seen, low, high)
