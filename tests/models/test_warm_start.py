"""Networks that start from an older model's."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rnc_graph.data.features import MoleculeFeatures, molecule_features
from rnc_graph.models import MoleculeModel, make_settings, train_model
from rnc_graph.models.model import digests
from rnc_graph.models.warm_start import cannot_start

SMILES = ["C" * length + end for end in "ON" for length in range(1, 21)]
TINY: dict[str, Any] = {
    "encoder": "gin",
    "encoder_options": {"hidden_dim": 4, "layers": 1},
    "head_hidden": [4],
    "networks": 2,
    "epochs": 1,
    "objective": None,
    "descriptors": False,
    "descriptor_models": ["fingerprint-svr"],
    # What a network starts from, it ends with.
    "learning_rate": 1e-12,
    "weight_decay": 0.0,
}


@pytest.fixture(scope="module")
def features() -> MoleculeFeatures:
    return molecule_features(SMILES, make_settings(**TINY).featurizer_config)


def trained(features: MoleculeFeatures, rows: Any, held_out: Any = (), **options: Any) -> Any:
    y = np.array([float(len(smiles)) for smiles in SMILES])[:, None]
    settings = make_settings(**TINY)
    train, held = (np.asarray(part, dtype=np.int64) for part in (rows, held_out))
    return train_model(
        features, y, train, held, settings, target_names=["y"], units=[""], **options
    ).model


@pytest.fixture(scope="module")
def old(features: MoleculeFeatures) -> MoleculeModel:
    return trained(features, range(20), seed=1)


def weights(model: MoleculeModel, number: int) -> torch.Tensor:
    parameters = model.members[number].encoder.parameters()  # type: ignore[attr-defined]
    return torch.cat([parameter.flatten() for parameter in parameters])


def test_networks_start_from_the_old_ones_and_keep_their_folds(
    features: MoleculeFeatures, old: MoleculeModel
) -> None:
    new = trained(features, [*range(20, 40), *range(20)], seed=2, start=old)
    anew = trained(features, range(40), seed=2)
    for number in range(2):
        torch.testing.assert_close(weights(new, number), weights(old, number))
        assert not torch.allclose(weights(anew, number), weights(old, number))
    assert old.seen is not None
    both = ((model.seen.tolist(), model.folds.tolist()) for model in (old, new))
    folds = [dict(zip(*one, strict=True)) for one in both]
    assert len(folds[0]) == 20
    assert folds[0].items() <= folds[1].items()
    assert set(folds[1].values()) == set(range(5))
    # What is known of folds is of molecules, whatever their rows.
    own = digests(SMILES[:1])[0]
    assert folds[1][int(own)] == folds[0][int(own)]


def test_when_networks_cannot_start(features: MoleculeFeatures, old: MoleculeModel) -> None:
    settings = make_settings(**TINY)
    assert cannot_start(old, settings, held_out=False) == ""
    assert "validation set" in cannot_start(old, settings, held_out=True)
    other = settings.model_copy(update={"encoder_options": {"hidden_dim": 8, "layers": 1}})
    assert "encoders differ" in cannot_start(old, other, held_out=False)
    cleaning = settings.model_copy(update={"clean": True})
    assert "cleans molecules" in cannot_start(old, cleaning, held_out=False)
    none = settings.model_copy(update={"networks": 0})
    assert "no networks" in cannot_start(old, none, held_out=False)
    assert "validation set" in cannot_start(replace(old, folds=None), settings, held_out=False)
    validated = trained(features, range(20), range(20, 30), seed=1)
    assert "validation set" in cannot_start(validated, settings, held_out=False)
    new = trained(features, range(20), range(20, 30), seed=1, start=old)
    torch.testing.assert_close(weights(new, 0), weights(validated, 0))
