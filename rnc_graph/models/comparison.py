"""Predictions compared on the same molecules: whose error is smaller, and can that be chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.smiles import BadMolecule
from rnc_graph.data.splits.split import numbered
from rnc_graph.data.table import FloatArray, exact_values
from rnc_graph.errors import BadValueError
from rnc_graph.metrics.regression import regression_metrics
from rnc_graph.metrics.statistics import PairedDifference, compare, holm
from rnc_graph.models.inference import predict_smiles
from rnc_graph.models.model import MoleculeModel

ERRORS = ("rmse", "mae")


def error_shares(errors: FloatArray, molecules: NDArray[np.int64]) -> dict[str, FloatArray]:
    """Return what each of M molecules contributes to the errors of n rows, (M,) by metric.

    The mean of the contributions is the metric, and their variance over M that of the metric where
    molecules are drawn at random, whatever their numbers of rows (delta method). A row adds |e| to
    the MAE, and e² / (2 RMSE) + RMSE / 2 to the RMSE; from a molecule with more rows than the mean,
    the metric is taken for each that it has more.

    Args:
        errors: (n,) predicted minus measured.
        molecules: (n,) the number of each row's molecule, from 0 without gaps.

    >>> shares = error_shares(np.array([3.0, -4.0, 0.0]), np.array([0, 1, 1]))
    >>> {name: round(float(share.mean()), 4) for name, share in shares.items()}
    {'rmse': 2.8868, 'mae': 2.3333}
    """
    count, rows = int(molecules.max()) + 1, len(errors)
    rmse = float(np.sqrt(np.mean(errors**2)))
    squares = errors**2 / (2 * rmse) + rmse / 2 if rmse > 0 else 0.0 * errors
    more = np.bincount(molecules, minlength=count) * (count / rows) - 1

    def contributions(of_rows: FloatArray, metric: float) -> FloatArray:
        sums = np.bincount(molecules, of_rows, count) * (count / rows)
        found: FloatArray = sums - more * metric
        return found

    mae = float(np.mean(np.abs(errors)))
    return {"rmse": contributions(squares, rmse), "mae": contributions(np.abs(errors), mae)}


def compare_errors(
    y_true: FloatArray,
    y_pred: Mapping[str, FloatArray],
    reference: FloatArray,
    molecules: NDArray[np.int64],
    metric: str = "rmse",
) -> dict[str, PairedDifference]:
    """Compare the errors of several predictions (n,) of n values with those of a reference.

    Rows of one molecule have equal numbers (n,) in ``molecules``; ``metric`` is "rmse" or "mae".

    Returns:
        Paired differences of the error to the reference's; ``n`` counts molecules.
    """
    own = numbered(molecules.tolist())

    def shares(predicted: FloatArray) -> list[float]:
        contributions: list[float] = error_shares(predicted - y_true, own)[metric].tolist()
        return contributions

    rows = {name: shares(predicted) for name, predicted in y_pred.items()}
    return compare(rows, shares(reference))


@dataclass(frozen=True)
class TargetComparison:
    """The errors of two models for one target.

    Attributes:
        name: of the target, with its transform, such as "log10 of IC50", if errors are in that.
        unit: of the target.
        y_true: (n,) measured values of the rows that both predict.
        first: (n,) predictions of the first model.
        second: (n,) predictions of the second model.
        errors: RMSE and MAE of the first and the second model.
        differences: the second model's RMSE and MAE minus the first model's, by molecule. Holm's
            correction is over the targets, each on the scale that both models learn: the errors in
            the unit of a target learned as its logarithm have no corrected p value.
    """

    name: str
    unit: str
    y_true: FloatArray
    first: FloatArray
    second: FloatArray
    errors: dict[str, tuple[float, float]]
    differences: dict[str, PairedDifference]


@dataclass(frozen=True)
class Comparison:
    """Two models on the same molecules, none of which belongs to the training data of either.

    Attributes:
        targets: of both models, each in its unit and, if both learn its logarithm, in that.
        seen: rows left out since their molecules belong to the training or validation set of the
            first model, of the second, and of any of the two.
        unknown: whether one of the models does not know its training molecules (format 1).
        bad: molecules that one of the models cannot read.
    """

    targets: list[TargetComparison]
    seen: tuple[int, int, int]
    unknown: bool
    bad: list[BadMolecule]


def common_targets(first: MoleculeModel, second: MoleculeModel) -> list[str]:
    """Return the targets of both models.

    Raises:
        BadValueError: there are none, or one has another unit in the second model.
    """
    both = [name for name in first.targets if name in second.targets]
    if not both:
        raise BadValueError(
            "expected models with a target in common, got "
            f"{', '.join(first.targets)} and {', '.join(second.targets)}"
        )
    for name in both:
        units = [model.units[model.targets.index(name)] for model in (first, second)]
        if all(units) and units[0] != units[1]:
            raise BadValueError(
                f"target {name!r}: expected one unit in both models, got {units[0]} and {units[1]}"
            )
    return both


def compare_models(
    first: MoleculeModel,
    second: MoleculeModel,
    smiles: Sequence[str],
    y_true: FloatArray,
    *,
    censored: NDArray[np.int8] | None = None,
    jobs: int = 1,
) -> Comparison:
    """Compare two models on the same molecules, those that are new to both.

    Args:
        first: a model, such as ``MoleculeRegressor.model_``.
        second: another one.
        smiles: of N molecules.
        y_true: (N, t) of the targets of both, in the order of :func:`common_targets`; NaN where
            missing.
        censored: (N, t) as in ``train_model``; bounds are in no error.
        jobs: processes to featurize in.

    Raises:
        BadValueError: no target in common, another number of targets, or no new molecule with a
            measurement.
    """
    names = common_targets(first, second)
    y_true = np.asarray(y_true, dtype=np.float64)
    y_true = y_true[:, None] if y_true.ndim == 1 else y_true
    if y_true.shape != (len(smiles), len(names)):
        raise BadValueError(
            f"y_true: expected {len(smiles)} rows and a column for each of {', '.join(names)}, "
            f"got an array of shape {y_true.shape}"
        )
    found = [predict_smiles(model, smiles, jobs) for model in (first, second)]
    one, two = (predictions for predictions, _ in found)
    # A model that cleans molecules refuses some that another reads.
    bad = {molecule.row: molecule for _, unreadable in found for molecule in unreadable}
    new = ~(one.seen | two.seen) & ~np.isnan(one.distance) & ~np.isnan(two.distance)
    molecules = (two if second.settings.clean else one).molecule
    compared: list[TargetComparison] = []
    tested: list[int] = []
    for name, exact in zip(names, exact_values(y_true, censored).T, strict=True):
        columns = [model.targets.index(name) for model in (first, second)]
        rows = np.flatnonzero(new & ~np.isnan(exact))
        if not len(rows):
            continue
        predicted = [p.values[rows, c] for p, c in zip((one, two), columns, strict=True)]
        how = {m.scaler.transforms[c] for m, c in zip((first, second), columns, strict=True)}
        unit = first.units[columns[0]] or second.units[columns[1]]
        arrays = [exact[rows], *predicted]
        compared.append(_compared(name, unit, arrays, molecules[rows]))
        if how == {"log10"}:
            logs = [np.log10(np.where(array > 0, array, np.nan)) for array in arrays]
            known = np.isfinite(logs).all(axis=0)
            if known.any():
                logs, own = [values[known] for values in logs], molecules[rows[known]]
                compared.append(_compared(f"log10 of {name}", "log10 units", logs, own))
        tested.append(len(compared) - 1)
    if not compared:
        raise BadValueError(
            "expected measured molecules that are new to both models, got none: "
            f"{int((one.seen | two.seen).sum())} of {len(smiles)} rows belong to training data"
        )
    return Comparison(
        targets=_corrected(compared, tested),
        seen=(int(one.seen.sum()), int(two.seen.sum()), int((one.seen | two.seen).sum())),
        unknown=first.seen is None or second.seen is None,
        bad=[bad[row] for row in sorted(bad)],
    )


def _compared(
    name: str, unit: str, arrays: Sequence[FloatArray], molecules: NDArray[np.int64]
) -> TargetComparison:
    """Compare the measured values, the first and the second model's predictions of n rows."""
    y_true, first, second = arrays
    metrics = [regression_metrics(y_true, predicted) for predicted in (first, second)]
    return TargetComparison(
        name=name,
        unit=unit,
        y_true=y_true,
        first=first,
        second=second,
        errors={error: (metrics[0][error], metrics[1][error]) for error in ERRORS},
        differences={
            error: compare_errors(y_true, {"": second}, first, molecules, error)[""]
            for error in ERRORS
        },
    )


def _corrected(compared: list[TargetComparison], tested: Sequence[int]) -> list[TargetComparison]:
    """Correct the p values of each error over the comparisons that are tested, one a target."""
    found = [dict(one.differences) for one in compared]
    for error in ERRORS:
        known = [n for n in tested if found[n][error].p is not None]
        p_values = dict(zip(known, holm([found[n][error].p or 0.0 for n in known]), strict=True))
        for n, differences in enumerate(found):
            differences[error] = replace(differences[error], p_holm=p_values.get(n))
    return [replace(one, differences=own) for one, own in zip(compared, found, strict=True)]
