"""The figures of a model."""

import numpy as np

from rnc_graph import MoleculeRegressor
from rnc_graph.data.features import molecule_features
from rnc_graph.models.evaluation import evaluate_predictions
from rnc_graph.reporting.model_figures import draw_errors, draw_predictions

SMILES = ["C" * length + "O" for length in range(1, 25)]


def test_the_axes_of_a_logarithm_say_so() -> None:
    y = np.column_stack([10 ** np.linspace(0, 2, 24), np.linspace(0, 2, 24)])
    quick = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    regressor = MoleculeRegressor(**quick, target_transform=["log10", "none"])  # type: ignore[arg-type]
    model = regressor.fit(SMILES, y).model_
    model.units[:] = ["nM", "s"]
    features = molecule_features(SMILES, model.wants)
    evaluation = evaluate_predictions(model, SMILES, np.arange(24), y, model.predict(features))
    first, second = draw_predictions(evaluation, "a model").axes
    assert (first.get_xlabel(), second.get_xlabel()) == ("log10 of measured (nM)", "measured (s)")
    assert first.get_ylabel() == "log10 of predicted (nM)"
    errors = [axis.get_ylabel() for axis in draw_errors(evaluation, 0.5, "a model").axes]
    assert errors == ["absolute error (log10 units)", "absolute error (s)"]
