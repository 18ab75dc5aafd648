"""The baselines on descriptors are the models' members."""

import numpy as np
import pytest

from rnc_graph.data import MoleculeTable, SplitRecipe
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.experiments.baselines import baseline_predictions
from rnc_graph.models import make_settings, train_model
from rnc_graph.models.support_vectors import SupportVectors


@pytest.fixture(scope="module")
def few(esol: MoleculeTable) -> MoleculeTable:
    return esol.take(np.arange(0, 1128, 8))


def test_svr_is_the_member_of_a_model(few: MoleculeTable) -> None:
    split = SplitRecipe().split(few, 0)
    features = molecule_features(
        few.smiles, FeaturizerConfig(descriptors=True, fingerprints=True, canonical=True)
    )
    settings = make_settings(networks=0, descriptor_models=["svr"])
    train, held_out = split.train.numpy(), split.validation.numpy()
    model = train_model(
        features,
        few.targets,
        train,
        held_out,
        settings,
        target_names=["logS"],
        units=[""],
        seed=0,
        jobs=1,
        device="cpu",
    ).model
    (member,) = model.members
    assert type(member) is SupportVectors
    rows = np.arange(len(few))
    expected = model.predict_rows(features, rows).values
    found = split.scaler.restore(baseline_predictions("svr", few, split, 0))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["svr", "extra-trees", "fingerprint-svr", "random-forest", "mean"])
def test_each_target_is_learned_from_the_samples_that_have_it(
    few: MoleculeTable, name: str
) -> None:
    targets = np.concatenate([few.targets, -few.targets], axis=1)
    gaps = np.arange(len(few)) % 3 == 0
    targets[gaps, 1] = np.nan
    table = MoleculeTable("two", few.smiles, targets, ["a", "b"])
    split = SplitRecipe().split(table, 0)
    found = baseline_predictions(name, table, split, 0)
    assert found.shape == targets.shape
    assert np.isfinite(found).all()
    alone = MoleculeTable("one", few.smiles, few.targets, ["a"])
    first = baseline_predictions(name, alone, SplitRecipe().split(alone, 0), 0)
    np.testing.assert_allclose(found[:, :1], first, atol=1e-6)
