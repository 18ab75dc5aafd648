"""Would more data help? The error of a model that learns from more and more of its training set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import stats

from rnc_graph.data.splits.split import Split, groups_of, joined, numbered
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError
from rnc_graph.models.build import DataSetup, build
from rnc_graph.models.comparison import error_shares
from rnc_graph.models.settings import ModelSettings
from rnc_graph.plugins import Plugin

SHARES = (0.12, 0.25, 0.5, 0.75, 1.0)
# Shares below this are drawn several times: small training sets differ much.
_DRAWN_OFTEN, _DRAWS = 0.75, 3
# A power law is drawn if it explains so much of the variance of the logarithms of the mean errors.
_LEAST_R2 = 0.9
_FEWEST_SIZES = 4


@dataclass(frozen=True)
class PowerLaw:
    """error = factor * molecules ** -exponent, by least squares of the logarithms.

    ``low`` and ``high`` are the ends of the exponent's 95% interval; see
    :meth:`TargetCurve.power_law`.
    """

    factor: float
    exponent: float
    low: float
    high: float

    def error(self, molecules: float) -> float:
        """Return the error with so many training molecules."""
        return float(self.factor * molecules**-self.exponent)


@dataclass(frozen=True)
class TargetCurve:
    """The test errors of one target, by the size of the training set.

    Attributes:
        name: of the target, with its transform.
        unit: of the target.
        molecules: (k,) from how many molecules with the target each of k models learned.
        shares: (k,) of the training set.
        draws: (k,) the number of the draw. A smaller set of a draw is a subset of its larger ones.
        rmse: (k,) their RMSE on the test set.
        mae: (k,) their MAE.
        by_molecule: k arrays (M,), what each test molecule contributes to the RMSE; see
            :func:`~rnc_graph.models.comparison.error_shares`.
    """

    name: str
    unit: str
    molecules: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    draws: list[int] = field(default_factory=list)
    rmse: list[float] = field(default_factory=list)
    mae: list[float] = field(default_factory=list)
    by_molecule: list[FloatArray] = field(default_factory=list)

    def means(self) -> dict[int, float]:
        """Return the mean RMSE of each share of the training set by its mean molecules."""
        shares, rmse = np.array(self.shares), np.array(self.rmse)
        sizes = np.array(self.molecules)
        return {
            round(float(sizes[shares == share].mean())): float(rmse[shares == share].mean())
            for share in np.unique(shares)
        }

    def power_law(self) -> PowerLaw | None:
        """Return the power law that the errors follow, None if they follow none.

        They do if the 95% interval of its exponent is above 0, and if a line explains 90% of the
        variance of the logarithms of the mean errors of four or more sizes.

        Models of one draw learn from nested sets, and all are evaluated on the same molecules: they
        are not independent. So a draw is one observation of the exponent, and the interval is that
        of a t distribution with one degree of freedom fewer than draws. Its variance is that of the
        mean over the draws plus that of the test set, by the molecules' contributions (delta
        method). The largest sets are drawn once: their own chance is not in it.
        """
        means, draws = self.means(), np.array(self.draws)
        several = np.unique(draws)
        fewest = min(len(several), len(self.by_molecule[0]))
        if len(means) < _FEWEST_SIZES or fewest < 2 or min(self.rmse) <= 0:
            return None
        of_means = stats.linregress(np.log(list(means)), np.log(list(means.values())))
        sizes, errors = np.log(self.molecules), np.log(self.rmse)
        fit = stats.linregress(sizes, errors)
        once = np.array([self.shares.count(share) == 1 for share in self.shares])
        exponents = [
            -stats.linregress(sizes[own], errors[own]).slope
            for own in ((draws == draw) | once for draw in several)
        ]
        # The slope is a sum of the logarithms of the errors.
        factors = (sizes - sizes.mean()) / np.square(sizes - sizes.mean()).sum()
        of_molecules = (factors / self.rmse) @ np.stack(self.by_molecule)
        variance = np.var(exponents, ddof=1) / len(several)
        variance += np.var(of_molecules, ddof=1) / len(of_molecules)
        reach = float(stats.t.ppf(0.975, len(several) - 1) * np.sqrt(variance))
        exponent = -float(fit.slope)
        if of_means.rvalue**2 < _LEAST_R2 or not exponent > reach:
            return None
        return PowerLaw(float(np.exp(fit.intercept)), exponent, exponent - reach, exponent + reach)


def check_learning_curve(setup: DataSetup) -> None:
    """Raise :class:`BadValueError` unless there is a test set with a measured value."""
    if np.isnan(setup.table.exact[setup.split.test]).all():
        raise BadValueError(
            "learning curve: expected a test set with measured values, got a split without one"
        )


def learning_curve(
    setup: DataSetup,
    settings: ModelSettings,
    *,
    seed: int = 0,
    jobs: int = 1,
    device: str = "cpu",
    on_progress: Callable[[float], None] = lambda share: None,
    plugins: Sequence[Plugin] = (),
) -> tuple[list[TargetCurve], list[str]]:
    """Train models on shares of a training set, and evaluate them on the same test set.

    There is one: see :func:`check_learning_curve`. Shares below 75% are drawn three times. All rows
    of a molecule are drawn together. No model starts from an older one, whose networks may have
    learned from more than the share.

    Without networks in the settings it takes seconds or minutes. For the other arguments see
    :func:`~rnc_graph.models.train_model`.

    Returns:
        A curve for each target, and notes on the models that could not be trained.
    """
    split = setup.split
    canonical = setup.features.canonical
    groups = groups_of(numbered(canonical[row] for row in split.train))
    draws = [
        (share, number)
        for share in SHARES
        for number in range(_DRAWS if share < _DRAWN_OFTEN else 1)
    ]
    total, done = sum(share for share, _ in draws), 0.0
    curves: dict[str, TargetCurve] = {}
    notes = []
    for share, number in draws:
        size = max(1, round(share * len(groups)))
        order = np.random.default_rng([seed, number]).permutation(len(groups))[:size]
        train = split.train[joined([groups[group] for group in np.sort(order)])]
        part = replace(setup, split=Split(train, split.validation, split.test))
        options = {"jobs": jobs, "device": device, "plugins": plugins, "baselines": False}
        try:
            built = build(part, settings, seed=seed, **options)  # type: ignore[arg-type]
        except BadValueError as error:
            notes.append(f"learning curve: no model of {size} molecules: {error}")
        else:
            assert built.test is not None
            test = built.test.transformed()
            for target, (name, unit) in enumerate(zip(test.targets, test.units, strict=True)):
                metrics, rows = test.metrics(target), test.known(target)
                if not len(rows):
                    continue
                errors = test.predictions.values[rows, target] - test.y_true[rows, target]
                molecules = numbered(canonical[row] for row in split.test[rows])
                own = unit if name == built.model.targets[target] else "log10 units"
                curve = curves.setdefault(name, TargetCurve(name, own))
                known = train[~np.isnan(setup.table.targets[train, target])]
                curve.molecules.append(len({canonical[row] for row in known}))
                curve.shares.append(share)
                curve.draws.append(number)
                curve.by_molecule.append(error_shares(errors, molecules)["rmse"])
                curve.rmse.append(metrics["rmse"])
                curve.mae.append(metrics["mae"])
        done += share
        on_progress(done / total)
    return list(curves.values()), notes
