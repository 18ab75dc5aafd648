"""Rows are counted as rows and molecules as molecules."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.errors import BadValueError
from rnc_graph.models.held_out import divide_held_out
from rnc_graph.models.inference import predict_smiles
from rnc_graph.models.saving import CONFIG, WEIGHTS, load_model
from rnc_graph.models.settings import ModelSettings
from rnc_graph.models.train import train_model
from tests.models.test_files import rehashed

SETTINGS = ModelSettings(networks=0, descriptor_models=["svr"])


def _model(smiles: list[str], targets: np.ndarray, train: np.ndarray, held_out: np.ndarray):
    features = molecule_features(smiles, SETTINGS.featurizer_config)
    names = {"target_names": ["y"], "units": [""]}
    return train_model(features, targets, train, held_out, SETTINGS, **names).model


def test_a_second_row_of_each_molecule_changes_neither_domain_nor_sets() -> None:
    table = load_dataset("esol")
    once = _model(table.smiles[:60], table.targets[:60], np.arange(45), np.arange(45, 60))
    twice_rows = np.repeat(np.arange(60), 2)
    twice = _model(
        [table.smiles[row] for row in twice_rows],
        table.targets[twice_rows],
        np.arange(90),
        np.arange(90, 120),
    )
    assert twice.domain.threshold == once.domain.threshold > 0
    assert len(twice.domain.fingerprints) == len(once.domain.fingerprints) == 45
    assert twice.seen is not None
    assert once.seen is not None
    assert twice.seen.tolist() == once.seen.tolist()


def divided(rows: np.ndarray, canonical: list[str], seed: int = 0) -> tuple[np.ndarray, ...]:
    values = np.zeros((len(canonical), 1))
    return divide_held_out(rows, canonical, values, ["y"], networks=True, seed=seed)


@pytest.mark.parametrize("seed", range(20))
def test_no_molecule_chooses_the_epochs_and_calibrates(seed: int) -> None:
    canonical = [f"molecule {row // 3}" for row in range(30)]
    held = divided(np.arange(9, 30), canonical, seed)
    sets = [{canonical[row] for row in rows} for rows in held]
    assert not sets[0] & sets[1]
    assert [len(one) for one in sets] == [2, 5]
    assert sorted(np.concatenate(held)) == list(range(9, 30))


def test_a_model_without_networks_needs_no_value_that_selects_epochs() -> None:
    table = load_dataset("esol")
    smiles, targets = table.smiles[:60], table.targets[:60].copy()
    held_out = np.arange(45, 60)
    selection, calibration = divided(held_out, smiles)
    targets[selection] = np.nan
    model = _model(smiles, targets, np.arange(45), held_out)
    assert model.intervals.counts == [len(calibration)]
    targets[calibration] = np.nan
    with pytest.raises(BadValueError, match="held-out set that calibrates has it"):
        _model(smiles, targets, np.arange(45), held_out)


def test_fewer_than_two_molecules_in_the_validation_set_are_refused() -> None:
    with pytest.raises(BadValueError, match="at least 2 molecules in the validation set, got 1"):
        divided(np.arange(3), ["CC"] * 3)


def test_molecules_of_the_training_and_validation_set_are_known_again(tmp_path: Path) -> None:
    table = load_dataset("esol")
    model = MoleculeRegressor(networks=0).fit(table.smiles[:60], table.targets[:60, 0])
    model.save(tmp_path)
    asked = [*table.smiles[50:70], "C(", "OCC"]
    known = set(table.smiles[:60])
    for one in (model.model_, load_model(tmp_path)):
        predictions, _ = predict_smiles(one, asked)
        assert predictions.seen.tolist() == [text in known for text in asked[:-1]] + [
            "CCO" in known
        ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["scaler.mean", "members.0.0.intercept", "typical_spread"])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, name: str, value: float) -> None:
    table = load_dataset("esol")
    model = MoleculeRegressor(networks=0, descriptor_models=["svr"]).fit(
        table.smiles[:30], table.targets[:30, 0]
    )
    model.save(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    tensors[name] = torch.full_like(tensors[name], value)
    save_file(tensors, tmp_path / WEIGHTS)
    rehashed(tmp_path)
    assert json.loads((tmp_path / CONFIG).read_text())
    with pytest.raises(BadValueError, match=f"{name} holds NaN or infinity"):
        load_model(tmp_path)
