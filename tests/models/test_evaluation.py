"""Intervals checked at all levels, and errors in and out of the domain."""

from dataclasses import replace

import numpy as np
import pytest

from rnc_graph import MoleculeRegressor
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models import (
    Evaluation,
    MoleculeModel,
    Predictions,
    compare_models,
    evaluate_predictions,
    predict_smiles,
)
from rnc_graph.models.evaluation import calibration

COUNT = 200


@pytest.fixture(scope="module")
def model() -> MoleculeModel:
    quick = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    smiles = ["C" * length + "O" for length in range(1, 25)]
    return MoleculeRegressor(**quick).fit(smiles, np.arange(24.0)).model_  # type: ignore[arg-type]


def evaluated(model: MoleculeModel, scale: float) -> tuple[MoleculeModel, Evaluation]:
    """A model that predicts 0, calibrated by normal errors, on molecules with errors of a scale."""
    rng = np.random.default_rng(0)
    zeros, ones = np.zeros((COUNT, 1)), np.ones((COUNT, 1))
    scores = ConformalIntervals.calibrate(
        rng.normal(size=(99, 1)), zeros[:99], ones[:99], np.arange(99)
    )
    model = replace(model, intervals=scores)
    rows = np.arange(COUNT)
    outside = rows >= 150
    predictions = Predictions(zeros, zeros, ones, np.zeros(COUNT), outside, outside, rows)
    y = scale * rng.normal(size=(COUNT, 1))
    smiles = ["C" * length for length in range(1, COUNT + 1)]
    return model, evaluate_predictions(model, smiles, rows, y, predictions)


def test_intervals_cover_what_they_should(model: MoleculeModel) -> None:
    found = calibration(*evaluated(model, 1.0), 0)
    assert found.count == COUNT
    assert ((found.low <= found.seen) & (found.seen <= found.high)).mean() > 0.8
    assert (found.low < found.levels).all()
    assert (found.levels < found.high).all()


@pytest.mark.parametrize("scale", [0.4, 3.0])
def test_intervals_that_are_too_wide_or_too_narrow(model: MoleculeModel, scale: float) -> None:
    found = calibration(*evaluated(model, scale), 0)
    outside = found.seen > found.high if scale < 1 else found.seen < found.low
    assert outside[4:14].all()


def test_coverage_is_counted_in_and_out_of_the_domain(model: MoleculeModel) -> None:
    _, evaluation = evaluated(model, 1.0)
    parts = evaluation.by_domain()
    counts = {name: part.covered(0) for name, part in parts.items()}
    assert {name: count for name, (_, count, _) in counts.items()} == {
        "in the domain": 150,
        "out of domain": 50,
    }
    covered, count, molecules = evaluation.covered(0)
    assert molecules == count
    assert covered == sum(inside for inside, *_ in counts.values())
    assert covered / count == pytest.approx(evaluation.metrics(0)["coverage"])


def test_bands_are_those_of_molecules_not_of_rows(model: MoleculeModel) -> None:
    model, evaluation = evaluated(model, 1.0)
    once = calibration(model, evaluation, 0)
    twice = evaluation.take(np.arange(COUNT).repeat(5))
    assert twice.covered(0) == (5 * evaluation.covered(0)[0], 5 * COUNT, COUNT)
    found = calibration(model, twice, 0)
    assert found.count == 5 * COUNT
    for name in ("seen", "low", "high"):
        np.testing.assert_array_equal(getattr(found, name), getattr(once, name))


def test_a_level_that_too_few_molecules_calibrate_is_not_shown(model: MoleculeModel) -> None:
    model, evaluation = evaluated(model, 1.0)
    few = replace(model, intervals=ConformalIntervals(model.intervals.scores[::20]))
    found = calibration(few, evaluation, 0)
    assert np.isnan(found.seen).tolist() == (found.levels > 5 / 6).tolist()


def test_a_model_that_cleans_counts_cleaned_molecules(model: MoleculeModel) -> None:
    smiles = ["CC(=O)O", "CC(=O)[O-].[Na+]", "C(", "CCO"]
    cleaning = MoleculeRegressor(**model.settings.model_dump() | {"clean": True})
    trained = cleaning.fit(["C" * length + "O" for length in range(3, 25)], np.arange(22.0)).model_
    for one, count in ((model, 3), (trained, 2)):
        predictions, _ = predict_smiles(one, smiles)
        y = np.ones((4, 1))
        found = evaluate_predictions(one, smiles, np.arange(4), y, predictions)
        assert len(np.unique(found.predictions.molecule[[0, 1, 3]])) == count
        assert found.known(0).tolist() == [0, 1, 3]


def test_models_are_compared_on_cleaned_molecules(model: MoleculeModel) -> None:
    cleaning = MoleculeRegressor(**model.settings.model_dump() | {"clean": True})
    trained = cleaning.fit(["C" * length + "N" for length in range(3, 25)], np.arange(22.0)).model_
    smiles, y = ["CC(=O)O", "CC(=O)[O-].[Na+]", "CCBr"], np.array([1.0, 2.0, 3.0])
    for other, count in ((trained, 2), (model, 3)):
        (found,) = compare_models(model, other, smiles, y).targets
        assert found.differences["mae"].n == count
