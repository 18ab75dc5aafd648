"""Would more data help? The error of a model that learns from more and more of its training set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import stats

from rnc_graph.data.splits.split import Split, groups_of, joined, numbered
from rnc_graph.errors import BadValueError
from rnc_graph.models.build import Prepared, build
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

    ``low`` and ``high`` are the ends of the exponent's 95% interval.
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
        rmse: (k,) their RMSE on the test set.
        mae: (k,) their MAE.
    """

    name: str
    unit: str
    molecules: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    rmse: list[float] = field(default_factory=list)
    mae: list[float] = field(default_factory=list)

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
        """
        means = self.means()
        if len(means) < _FEWEST_SIZES or min(self.rmse) <= 0:
            return None
        of_means = stats.linregress(np.log(list(means)), np.log(list(means.values())))
        fit = stats.linregress(np.log(self.molecules), np.log(self.rmse))
        reach = float(stats.t.ppf(0.975, len(self.rmse) - 2) * fit.stderr)
        exponent = -float(fit.slope)
        if of_means.rvalue**2 < _LEAST_R2 or exponent <= reach:
            return None
        return PowerLaw(float(np.exp(fit.intercept)), exponent, exponent - reach, exponent + reach)


def check_learning_curve(prepared: Prepared) -> None:
    """Raise :class:`BadValueError` unless there is a test set with a measured value."""
    if np.isnan(prepared.table.exact[prepared.split.test]).all():
        raise BadValueError(
            "learning curve: expected a test set with measured values, got a split without one"
        )


def learning_curve(
    prepared: Prepared,
    settings: ModelSettings,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    jobs: int = 1,
    device: str = "cpu",
    on_progress: Callable[[float], None] = lambda share: None,
    plugins: Sequence[Plugin] = (),
) -> tuple[list[TargetCurve], list[str]]:
    """Train models on shares of a training set, and evaluate them on the same test set.

    Shares below 75% are drawn three times. All rows of a molecule are drawn together.

    Args:
        prepared: a table with its split, which has a test set.
        settings: of the models; without networks it takes seconds or minutes.
        shares: of the training molecules, in (0, 1].
        seed: of the draws and the models.
        jobs: processes.
        device: that networks train on.
        on_progress: receives the share of the work that is done.
        plugins: what the settings need.

    Returns:
        A curve for each target, and notes on the models that could not be trained.

    Raises:
        BadValueError: no test set, or a wrong share.
    """
    check_learning_curve(prepared)
    split = prepared.split
    if not all(0 < share <= 1 for share in shares):
        raise BadValueError(f"shares: expected numbers above 0 up to 1, got {list(shares)}")
    canonical = prepared.features.canonical
    groups = groups_of(numbered(canonical[row] for row in split.train))
    draws = [
        (share, number)
        for share in shares
        for number in range(_DRAWS if share < _DRAWN_OFTEN else 1)
    ]
    total, done = sum(share for share, _ in draws), 0.0
    curves: dict[str, TargetCurve] = {}
    notes = []
    for share, number in draws:
        size = max(1, round(share * len(groups)))
        order = np.random.default_rng([seed, number]).permutation(len(groups))[:size]
        train = split.train[joined([groups[group] for group in np.sort(order)])]
        part = replace(prepared, split=Split(train, split.validation, split.test))
        options = {"jobs": jobs, "device": device, "plugins": plugins, "baselines": False}
        try:
            built = build(part, settings, seed=seed, **options)  # type: ignore[arg-type]
        except BadValueError as error:
            notes.append(f"learning curve: no model of {size} molecules: {error}")
        else:
            assert built.test is not None
            test = built.test.transformed()
            for target, (name, unit) in enumerate(zip(test.targets, test.units, strict=True)):
                metrics = test.metrics(target)
                if not metrics["count"]:
                    continue
                own = unit if name == built.model.targets[target] else "log10 units"
                curve = curves.setdefault(name, TargetCurve(name, own))
                known = train[~np.isnan(prepared.table.targets[train, target])]
                curve.molecules.append(len({canonical[row] for row in known}))
                curve.shares.append(share)
                curve.rmse.append(metrics["rmse"])
                curve.mae.append(metrics["mae"])
        done += share
        on_progress(done / total)
    return list(curves.values()), notes
