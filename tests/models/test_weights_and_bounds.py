"""Weights and bounds from the estimator's arguments to the members."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVR

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.data.bounds import weighted_bounds
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names, molecule_arrays
from rnc_graph.errors import BadValueError
from rnc_graph.models.extra_trees import ExtraTrees
from rnc_graph.models.inputs import DescriptorScaler, Inputs
from rnc_graph.models.measurements import Measurements
from rnc_graph.models.support_vectors import SupportVectors

SMALL: dict[str, Any] = {
    "encoder": "gin",
    "encoder_options": {"hidden_dim": 8, "layers": 1},
    "pretraining_epochs": 1,
    "epochs": 2,
    "networks": 1,
    "descriptor_models": ["svr", "fingerprint-svr", "extra-trees"],
}


@pytest.fixture(scope="module")
def molecules(esol: MoleculeTable) -> tuple[list[str], np.ndarray, np.ndarray]:
    """SMILES, values and weights."""
    weights = np.random.default_rng(0).uniform(0.1, 3, 80)
    return esol.smiles[:80], esol.targets[:80, 0], weights


def test_members_weigh_rows_as_scikit_learn_does(molecules: Any) -> None:
    smiles, y, weights = molecules
    features = MoleculeFeatures.of(molecule_arrays(smiles, FeaturizerConfig(descriptors=True)))
    scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors)
    inputs, rows = Inputs.of(features, np.arange(80), scaler), torch.arange(80)
    targets = torch.from_numpy(y[:, None]).float()
    weighted = weighted_bounds(targets, torch.zeros(80, 1), torch.from_numpy(weights).float())
    values, counted = targets[:, 0].double().numpy(), weighted[:, 0, 2].double().numpy()
    scores = inputs.scores.double().numpy()
    theirs = SVR(C=10.0, epsilon=0.05).fit(scores, values, counted).predict(scores)
    ours = SupportVectors(1).fit(inputs, weighted, rows).predict(inputs)[:, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-10)
    trees = ExtraTreesRegressor(10, max_features=1 / 3, random_state=3)
    theirs = trees.fit(inputs.scores.numpy(), values, counted).predict(inputs.scores.numpy())
    ours = ExtraTrees(1, 10).fit(inputs, weighted, rows, 3).predict(inputs)[:, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.slow
def test_weights_matter_by_their_ratios_and_0_leaves_out(molecules: Any) -> None:
    smiles, y, weights = molecules
    model = MoleculeRegressor(networks=0, descriptor_models=["svr"])
    found = model.fit(smiles, y, weights).predict(smiles)
    assert (found != model.fit(smiles, y).predict(smiles)).any()
    np.testing.assert_array_equal(model.fit(smiles, y, 4 * weights).predict(smiles), found)
    weights = np.where(np.arange(80) < 20, 0, weights)
    without = model.fit(smiles[20:], y[20:], weights[20:]).predict(smiles)
    np.testing.assert_array_equal(model.fit(smiles, y, weights).predict(smiles), without)


def bounded(y: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return values cut at limits, their sides, and both as texts."""
    low, high = np.quantile(y, [0.15, 0.85])
    sides = np.where(y > high, 1, np.where(y < low, -1, 0))
    cut = y.clip(low, high)
    marks = np.array(["", ">", "<"])[sides]
    return cut, sides, [f"{mark}{value!r}" for mark, value in zip(marks, cut.tolist(), strict=True)]


@pytest.mark.slow
def test_bounds_are_said_by_texts_or_an_array_and_come_back(molecules: Any, tmp_path: Path) -> None:
    smiles, y, weights = molecules
    cut, sides, texts = bounded(y)
    model = MoleculeRegressor(**SMALL).fit(smiles, cut, weights, censored=sides)
    found = model.predict(smiles, return_interval=0.5)
    model.save(tmp_path / "model")
    again = MoleculeRegressor(**SMALL).fit(smiles, np.array(texts, dtype=object), weights)
    for other in (again, MoleculeRegressor.load(tmp_path / "model")):
        np.testing.assert_array_equal(other.predict(smiles, return_interval=0.5), found)
    # Bounds are taken neither for values nor for gaps.
    for others in (cut, np.where(sides == 0, cut, np.nan)):
        assert (MoleculeRegressor(**SMALL).fit(smiles, others).predict(smiles) != found[0]).any()
    assert model.score(smiles, texts) == model.score(smiles, cut, censored=sides)
    known = sides == 0
    exact = [text for text, is_known in zip(smiles, known, strict=True) if is_known]
    assert model.score(smiles, texts) == pytest.approx(model.score(exact, y[known]))


@pytest.mark.slow
def test_bounds_lower_the_error_on_what_lies_beyond(esol: MoleculeTable) -> None:
    chosen = np.random.default_rng(0).permutation(len(esol))[:400]
    smiles, y = [esol.smiles[row] for row in chosen], esol.targets[chosen, 0]
    cut, sides, _ = bounded(y[:300])
    errors = {}
    for name, censored in (("kept", sides), ("left out", None)):
        values = cut if name == "kept" else np.where(sides == 0, cut, np.nan)
        model = MoleculeRegressor(networks=0, descriptor_models=["svr"])
        model.fit(smiles[:300], values, censored=censored)
        errors[name] = np.sqrt(np.mean((model.predict(smiles[300:]) - y[300:]) ** 2))
    assert errors["kept"] < 0.95 * errors["left out"]


@pytest.mark.slow
def test_scikit_learn_routes_weights_and_bounds(molecules: Any) -> None:
    smiles, y, weights = molecules
    cut, sides, _ = bounded(y)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MoleculeRegressor(networks=0, descriptor_models=["svr"])
        model.set_fit_request(sample_weight=True, censored=True)
        model.set_score_request(sample_weight=False, censored=True)
        search = GridSearchCV(model, {"target_transform": ["none"]}, cv=2, error_score="raise")
        search.fit(smiles, cut, sample_weight=weights, censored=sides)
        direct = model.fit(smiles, cut, sample_weight=weights, censored=sides)
    np.testing.assert_array_equal(search.predict(smiles), direct.predict(smiles))
    plain = MoleculeRegressor(networks=0, descriptor_models=["svr"]).fit(smiles, cut)
    assert (plain.predict(smiles) != direct.predict(smiles)).any()


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([1.0, 2.0, ">x"], {}, "y: expected numbers, got '>x' in row 2: not a number"),
        ([1.0, 2.0, 3.0], {"censored": [0, 2, 0]}, "censored: expected -1, 0 or 1"),
        (
            [1.0, 2.0, 3.0],
            {"censored": [0, 1]},
            r"value of y, \(3,\), got an array \(2,\)",
        ),
        (
            [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
            {"censored": [[0, 0, 1], [0, 0, 0]]},
            r"value of y, \(3, 2\), got an array \(2, 3\)",
        ),
        ([1.0, 2.0, 3.0], {"sample_weight": [1, 1]}, r"expected shape \(3,\), got \(2,\)"),
        ([1.0, 2.0, 3.0], {"sample_weight": [1, -1, 1]}, "at least 0, .* got -1 to 1"),
        ([1.0, 2.0, 3.0], {"sample_weight": ["a", 1, 1]}, "sample_weight: expected numbers"),
    ],
)
def test_what_is_no_measurement_is_named(
    y: list[Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadValueError, match=message):
        MoleculeRegressor(networks=0).fit(["C", "CC", "CCC"], y, **options)


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([">1", pd.NA, "2"], dtype="string"),
        pd.Series([">1", pd.NA, 2.0], dtype=object),
        pd.DataFrame({"y": pd.Series([1.0, pd.NA, 2.0], dtype=object)}),
    ],
)
def test_what_pandas_has_for_nothing_is_missing(y: Any) -> None:
    assert Measurements.of(y).values[:, 0].tolist() == pytest.approx([1, np.nan, 2], nan_ok=True)


def test_bounds_are_said_once_and_need_values() -> None:
    smiles = ["C" * length for length in range(1, 21)]
    model = MoleculeRegressor(networks=0, descriptor_models=["svr"])
    with pytest.raises(BadValueError, match="censored: expected None, since y has bounds"):
        model.fit(smiles[:2], ["2.1", ">3.50"], censored=[1, 0])
    with pytest.raises(BadValueError, match="'target': all its measurements are bounds"):
        model.fit(smiles, [f">{length}" for length in range(20)])
