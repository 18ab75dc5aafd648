"""The figures of a model."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.font_manager import fontManager

from rnc_graph import MoleculeRegressor
from rnc_graph.data.features import molecule_features
from rnc_graph.models.evaluation import evaluate_predictions
from rnc_graph.reporting import style
from rnc_graph.reporting.model_figures import draw_errors, draw_predictions, draw_worst

SMILES = ["C" * length + "O" for length in range(1, 25)]


def test_the_axes_of_a_logarithm_say_so() -> None:
    y = np.column_stack([10 ** np.linspace(0, 2, 24), np.linspace(0, 2, 24)])
    quick = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    regressor = MoleculeRegressor(**quick, target_transform=["log10", "none"])  # type: ignore[arg-type]
    model = regressor.fit(SMILES, y).model_
    model.units[:] = ["nM", "s"]
    features = molecule_features(SMILES, model.featurizer_config)
    evaluation = evaluate_predictions(model, SMILES, np.arange(24), y, model.predict(features))
    first, second = draw_predictions(evaluation, "a model").axes
    assert (first.get_xlabel(), second.get_xlabel()) == ("log10 of measured (nM)", "measured (s)")
    assert first.get_ylabel() == "log10 of predicted (nM)"
    errors = [axis.get_ylabel() for axis in draw_errors(evaluation, 0.5, "a model").axes]
    assert errors == ["absolute error (log10 units)", "absolute error (s)"]


@pytest.mark.slow
def test_captions_fit_and_letters_without_a_font_are_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "_families", lambda: ["DejaVu Sans"])
    y = 10 ** np.linspace(4.1, 5.9, 24)[:, None]
    quick: dict[str, Any] = {"networks": 0, "descriptors": False}
    model = MoleculeRegressor(**quick, descriptor_models=["fingerprint-svr"]).fit(SMILES, y).model_
    model.targets[:] = ["溶解度"]
    predictions = model.predict(molecule_features(SMILES, model.featurizer_config))
    evaluation = evaluate_predictions(model, SMILES, np.arange(24), y, predictions)
    figure = draw_worst(evaluation, model.targets[0])
    # As wide as a panel of 2.3 inches: one number a line.
    assert max(len(line) for line in figure.axes[0].get_xlabel().splitlines()) < 25
    style._warn_of_boxes.cache_clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        style.save(figure, tmp_path / "one.png")
        style.save(draw_worst(evaluation, model.targets[0]), tmp_path / "two.png")
    assert ["drawn as boxes" in str(one.message) for one in said] == [True]


def test_installed_fonts_have_the_letters_that_matplotlibs_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["DejaVu Sans", "Noto Sans CJK SC"]
    monkeypatch.setattr(fontManager, "get_font_names", lambda: names)
    style._families.cache_clear()
    assert style._families() == ["sans-serif", "Noto Sans CJK SC"]
    style._families.cache_clear()
