"""Targets that are learned as their logarithm."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.errors import BadValueError
from rnc_graph.models.build import DataConfig, setup_data

QUICK = {"networks": 0, "descriptor_models": ("svr", "fingerprint-svr")}


def test_a_logarithm_is_learned_and_all_comes_back_in_the_unit(
    esol: MoleculeTable, tmp_path: Path
) -> None:
    smiles, y = esol.smiles[:120], esol.targets[:120, 0]
    both = np.column_stack([10**y, y])
    model = MoleculeRegressor(**QUICK, target_transform=["log10", "none"]).fit(smiles, both)
    model.save(tmp_path / "model")
    for trained in (model, MoleculeRegressor.load(tmp_path / "model")):
        assert trained.target_transform == ["log10", "none"]
        # The two targets are one: what is learned of them is the same.
        for ends in trained.predict(esol.smiles[120:150], return_interval=0.7):
            np.testing.assert_allclose(np.log10(ends[:, 0]), ends[:, 1], rtol=1e-6)
            assert (ends[:, 0] > 0).all()
    named = pd.Series(["CCO", "CC"], index=["ethanol", "ethane"])
    frame = model.predict_frame(named, level=0.7)
    assert frame.index.tolist() == ["ethanol", "ethane"]
    assert (frame["spread_target_0"] > 0).all()
    assert (frame["spread_target_0"] != frame["spread_target_1"]).all()


def test_a_search_chooses_the_transform(esol: MoleculeTable) -> None:
    smiles, y = esol.smiles[:60], 10 ** esol.targets[:60, 0]
    search = GridSearchCV(MoleculeRegressor(**QUICK), {"target_transform": ["none", "log10"]}, cv=2)
    search.fit(smiles, y)
    assert search.best_estimator_.model_.scaler.transforms == (
        search.best_params_["target_transform"],
    )


def test_where_no_value_has_a_logarithm_none_is_left() -> None:
    table = MoleculeTable("t", ["CCO", "CCN"], np.array([[-1.0], [0.0]]), ["y"])
    for _ in range(2):  # The second time features of no molecules are in the cache.
        with pytest.raises(BadValueError, match=r"t: no molecule is left\n.* 2 rows cannot be"):
            setup_data(table, [], DataConfig(), FeaturizerConfig(), transforms=["log10"])


def test_values_without_a_logarithm_are_named(esol: MoleculeTable) -> None:
    smiles, y = esol.smiles[:40], 10 ** esol.targets[:40, 0]
    y[3] = 0
    with pytest.raises(BadValueError, match=r"'target', row 3 .* positive number for log10, got 0"):
        MoleculeRegressor(**QUICK, target_transform="log10").fit(smiles, y)
    with pytest.raises(
        BadValueError, match="target_transform: expected one for each of 'target', got 2"
    ):
        MoleculeRegressor(**QUICK, target_transform=["log10", "none"]).fit(smiles, y)
    with pytest.raises(BadValueError, match="target_transform"):
        MoleculeRegressor(**QUICK, target_transform="ln").fit(smiles, y)
