"""Weights of members from predictions out of fold, and networks that must earn their time."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names, molecule_arrays
from rnc_graph.encoders import GIN
from rnc_graph.models import NoNetworkWarning, make_settings
from rnc_graph.models.fingerprint_svr import FingerprintSVR
from rnc_graph.models.inputs import DescriptorScaler, Inputs
from rnc_graph.models.members import TrainingSet, fit_member
from rnc_graph.models.mixture import fold_numbers, mixture_weights, networks_earn_their_time
from rnc_graph.models.support_vectors import SupportVectors

QUICK: dict[str, Any] = {
    "encoder": "gin",
    "encoder_options": {"hidden_dim": 8, "layers": 1},
    "objective": None,
    "epochs": 1,
    "descriptor_models": ["svr", "fingerprint-svr"],
    "networks": "auto",
    "weights": "stacked",
}


# Of as many molecules.
ROWS = np.arange(20_000)


def _votes(noise: list[float], rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = random.normal(size=(rows, 1))
    return y[:, :, None] + random.normal(size=(rows, 1, len(noise))) * noise, y


def test_weights_are_those_of_the_smallest_error() -> None:
    """Independent errors: the best weights are as the inverse of the variances.

    The targets have a variance of 1, which is that of one more member, the mean.
    """
    votes, y = _votes([0.2, 0.4, 5.0], rows=20_000)
    weights = mixture_weights(votes, y, ROWS[: len(y)])
    expected = np.array([25, 6.25, 0.04]) / 32.29
    np.testing.assert_allclose(weights[:, 0], expected, atol=0.01)
    # No weight is negative, although the least squares without bounds has one.
    correlated = np.concatenate([votes[:, :, :1], 2 * votes[:, :, :1] - y[:, :, None]], axis=2)
    np.testing.assert_allclose(mixture_weights(correlated, y, ROWS)[:, 0], [1 / 1.04, 0], atol=0.01)


def test_members_that_hardly_differ_have_nearly_the_plain_mean() -> None:
    votes, y = _votes([0.1] * 12, rows=40)
    by_chance = nnls(votes[:, 0], y[:, 0])[0]
    assert np.ptp(by_chance) > 0.1
    weights = mixture_weights(votes, y, ROWS[: len(y)])
    np.testing.assert_allclose(weights, [[1 / 12]] * 12, atol=0.005)


def test_where_molecules_are_few_it_is_the_plain_mean() -> None:
    votes, y = _votes([0.5, 0.5])
    np.testing.assert_array_equal(
        mixture_weights(9 * votes[:20], y[:20], ROWS[:20]), [[0.5], [0.5]]
    )
    np.testing.assert_array_equal(mixture_weights(votes * np.nan, y, ROWS[:200]), [[0.5], [0.5]])


def test_the_rows_of_a_molecule_count_as_one() -> None:
    votes, y = _votes([0.2, 0.5, 1.0], rows=40)
    once = mixture_weights(votes, y, ROWS[:40])
    rows = np.repeat(ROWS[:40], 5)
    np.testing.assert_allclose(mixture_weights(votes[rows], y[rows], rows), once, rtol=1e-9)
    few = ROWS[:200] % 20  # Too few molecules, though rows are enough.
    np.testing.assert_array_equal(mixture_weights(*_votes([0.1, 5.0]), few), [[0.5], [0.5]])


def test_only_the_ratios_of_the_weights_of_rows_count() -> None:
    votes, y = _votes([0.2, 0.5], rows=100)
    weights = np.random.default_rng(1).uniform(1, 3, 100)
    one, other = (mixture_weights(votes, y, ROWS[:100], scale * weights) for scale in (1, 7))
    np.testing.assert_allclose(one, other, rtol=1e-9)
    assert (one != mixture_weights(votes, y, ROWS[:100])).any()
    # Of the rows that have a target, and of molecules: not of others, or of their rows.
    both, targets = np.repeat(votes, 2, axis=1), np.repeat(y, 2, axis=1)
    targets[50:, 0] = targets[:50, 1] = np.nan
    scaled = np.where(ROWS[:100] < 50, 100.0, 1.0)
    np.testing.assert_allclose(
        mixture_weights(both, targets, ROWS[:100], scaled),
        mixture_weights(both, targets, ROWS[:100]),
        rtol=1e-9,
    )
    rows = np.concatenate([ROWS[:100], np.zeros(200, np.int64)])
    np.testing.assert_allclose(
        mixture_weights(votes[rows], y[rows], rows, weights[rows]), one, rtol=1e-9
    )


def test_each_target_has_weights_of_its_own_from_the_molecules_that_have_it() -> None:
    votes, y = _votes([0.2, 2.0])
    both, targets = np.concatenate([votes, votes[:, :, ::-1]], axis=1), np.repeat(y, 2, axis=1)
    targets[::3, 0] = np.nan
    both[1::3, 1, 0] = np.nan
    weights = mixture_weights(both, targets, ROWS[:200])
    assert weights[0, 0] > 0.85
    assert weights[1, 1] > 0.85
    kept = np.arange(200) % 3 != 0
    np.testing.assert_array_equal(
        weights[:, :1], mixture_weights(votes[kept], y[kept], ROWS[:200][kept])
    )


def test_a_network_must_lower_the_error() -> None:
    votes, y = _votes([0.5, 0.5, 0.5, 2.0])
    votes[50:, :, [0, 3]] = np.nan  # Trained once: it has predictions for one fold alone.
    good, others, bad = votes[:, :, 0], votes[:, :, 1:3], votes[:, :, 3]
    for members in (None, 3):  # Of the plain mean three as bad ones are most.
        assert networks_earn_their_time(good, others, y, ROWS[:200], members=members)
        assert not networks_earn_their_time(bad, others, y, ROWS[:200], members=members)
        unknown = np.full_like(bad, np.nan)
        assert not networks_earn_their_time(unknown, others, y, ROWS[:200], members=members)


def test_rows_of_a_molecule_share_their_fold() -> None:
    smiles = ["C" * (1 + row % 40) for row in range(90)]
    fold = fold_numbers(smiles, seed=0)
    np.testing.assert_array_equal(fold[:40], fold[40:80])
    assert np.bincount(fold[:40]).tolist() == [8] * 5
    assert (fold != fold_numbers(smiles, seed=1)).any()
    assert (fold_numbers(smiles[:24], seed=0) == -1).all()


@pytest.mark.parametrize("kind", [SupportVectors.kind, FingerprintSVR.kind])
def test_predictions_out_of_fold_are_of_members_that_did_not_see_the_fold(
    esol: MoleculeTable, kind: str
) -> None:
    config = FeaturizerConfig(descriptors=True, canonical=True)
    features = MoleculeFeatures.of(molecule_arrays(esol.smiles[:60], config))
    scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors)
    inputs = Inputs.of(features, np.arange(60), scaler)
    targets = torch.from_numpy(esol.targets[:60]).float().repeat(1, 2)
    targets[5:, 1] = torch.nan  # The five that have it are in fold 0: nothing predicts that fold.
    fold = torch.arange(60).clamp(min=4) % 5
    fold[:5] = 0
    train = torch.arange(60)
    training = TrainingSet(inputs, targets, train, train[:0], fold)
    fitted = fit_member(
        kind, 0, training, make_settings(), seed=0, device="cpu", on_epoch=lambda: None
    )
    assert np.isnan(fitted.out_of_fold[fold == 0]).all()
    member = SupportVectors if kind == SupportVectors.kind else FingerprintSVR
    for number in range(1, 5):
        rest = member(2).fit(inputs, targets, train[fold != number])
        # The second target is in no molecule of these folds.
        expected = rest.predict(inputs)[fold == number, 0]
        np.testing.assert_allclose(fitted.out_of_fold[fold == number, 0], expected, atol=1e-12)
    whole = member(2).fit(inputs, targets, train).predict(inputs)
    np.testing.assert_array_equal(fitted.member.predict(inputs), whole)


@pytest.mark.parametrize("held_out", [0.0, 0.2])
@pytest.mark.parametrize("weights", ["stacked", "equal"])
def test_networks_that_do_not_help_are_left_out(
    esol: MoleculeTable, weights: str, held_out: float
) -> None:
    smiles, y = esol.smiles[:120], esol.targets[:120, 0]
    model = MoleculeRegressor(**{**QUICK, "weights": weights}, validation_fraction=held_out)
    in_vain = "no network is a member.*: encoder, encoder_options, objective, epochs had no effect"
    with pytest.warns(NoNetworkWarning, match=in_vain):
        model.fit(smiles, y)
    assert model.networks == "auto"
    assert [member.kind for member in model.model_.members] == QUICK["descriptor_models"]
    # A number is kept to, whatever the networks are worth.
    model.set_params(networks=2).fit(smiles, y)
    assert [member.kind for member in model.model_.members][:2] == ["network"] * 2
    if weights == "stacked":
        learned = model.model_.weights[:, 0]
        assert learned[0] == learned[1] < 0.2


def test_a_few_molecules_tell_nothing_of_networks(esol: MoleculeTable) -> None:
    smiles, y = esol.smiles[:16], esol.targets[:16, 0]
    with pytest.warns(NoNetworkWarning):
        model = MoleculeRegressor(**QUICK, validation_fraction=0.25).fit(smiles, y)
    assert not model.model_.networks


def test_the_warning_names_what_was_chosen() -> None:
    assert make_settings().without_effect() == []
    assert make_settings(encoder="gcn").without_effect() == ["encoder"]
    options = {"hidden_channels": 8, "num_layers": 1, "num_timesteps": 1}
    fingerprint = "torch_geometric.nn.models.AttentiveFP"
    named = make_settings(encoder=fingerprint, encoder_options=options)
    assert named.without_effect() == ["encoder", "encoder_options"]
    module = make_settings(encoder=GIN(8, 1))
    assert module.without_effect() == ["encoder"]
    assert module.as_saved().without_effect() == ["encoder"]
    assert make_settings(freeze_encoder=True, epochs=7).without_effect() == [
        "freeze_encoder",
        "epochs",
    ]


@pytest.mark.slow
def test_networks_that_help_are_trained(tmp_path) -> None:
    """Fingerprints cannot distinguish R from S, which are features of the graphs."""
    smiles = [f"C[C@{hand}H](N){'C' * length}O" for length in range(30) for hand in ("", "@")]
    y = np.tile([1.0, -1.0], 30)
    given = {**QUICK, "descriptor_models": ["fingerprint-svr"], "epochs": 20}
    model = MoleculeRegressor(**given, batch_size=8, learning_rate=1e-2).fit(smiles, y)
    kinds = [member.kind for member in model.model_.members]
    assert kinds == ["network"] * 3 + ["fingerprint-svr"]
    model.save(tmp_path)
    loaded = MoleculeRegressor.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(smiles), model.predict(smiles))
    assert loaded.networks == 3


@pytest.mark.slow
def test_the_mixture_is_the_same_whatever_the_jobs(esol: MoleculeTable) -> None:
    smiles, y = esol.smiles[:60], esol.targets[:60, 0]
    alone, parallel = (
        MoleculeRegressor(**{**QUICK, "networks": 2}, n_jobs=jobs).fit(smiles, y).model_
        for jobs in (1, 2)
    )
    np.testing.assert_array_equal(alone.weights, parallel.weights)
