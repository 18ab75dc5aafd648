"""Models that learn from all molecules, calibrated by predictions out of fold."""

from dataclasses import replace

import numpy as np
import pytest

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.data.features import MoleculeFeatures, molecule_features
from rnc_graph.errors import BadValueError
from rnc_graph.metrics.intervals import coverage
from rnc_graph.models.calibration import Trained
from rnc_graph.models.settings import ModelSettings
from rnc_graph.models.train import train_model

ESOL = load_dataset("esol")
SMALL = {"epochs": 2, "pretraining_epochs": 1, "objective": None}
MEMBERS = ["fingerprint-svr", "embedding-svr"]


def _trained(count: int, targets: np.ndarray | None = None, **options: object) -> Trained:
    settings = ModelSettings(**{"networks": 0, "descriptor_models": MEMBERS} | options)
    features = _features(count, settings)
    given = ESOL.targets[:count] if targets is None else targets
    names = [f"y{number}" for number in range(given.shape[1])]
    rows, none = np.arange(count), np.arange(0)
    units = [""] * len(names)
    return train_model(features, given, rows, none, settings, target_names=names, units=units)


def _features(count: int, settings: ModelSettings) -> MoleculeFeatures:
    return molecule_features(ESOL.smiles[:count], settings.featurizer_config)


def test_no_member_has_seen_what_it_predicts_out_of_fold() -> None:
    """Another value of one molecule changes no prediction of it, nor of its fold's weights."""
    trained = _trained(40)
    assert trained.rows.tolist() == list(range(40))
    assert trained.model.intervals.counts == [40]
    for row in (3, 17):
        targets = ESOL.targets[:40].copy()
        targets[row] += 5
        other = _trained(40, targets)
        # The values are standardized by a mean and a deviation that contain it.
        ours, theirs = (
            one.model.scaler.standardize(one.predictions.values)[row] for one in (trained, other)
        )
        rest = np.delete(np.arange(40), row)
        learned, known = (
            one.model.scaler.standardize(y)[rest]
            for one, y in ((trained, ESOL.targets[:40]), (other, targets))
        )
        slope, shift = np.polyfit(known[:, 0], learned[:, 0], 1)
        assert abs(ours - (slope * theirs + shift)) < 0.15
        assert abs(trained.predictions.values[row] - ESOL.targets[row]) < abs(
            other.predictions.values[row] - targets[row]
        )


def test_the_final_members_have_learned_from_every_molecule() -> None:
    trained = _trained(40, descriptor_models=["embedding-svr"])
    settings = trained.model.settings
    predicted = trained.model.predict(_features(40, settings)).values
    unseen = np.abs(trained.predictions.values - ESOL.targets[:40])
    assert np.median(np.abs(predicted - ESOL.targets[:40])) < 0.5 * np.median(unseen)


@pytest.mark.slow
def test_intervals_cover_what_they_say() -> None:
    settings = ModelSettings(networks=0, descriptor_models=MEMBERS)
    # In a random order: the file's first molecules are harder to predict than the next.
    order = np.random.default_rng(0).permutation(len(ESOL))[:700]
    features = molecule_features(ESOL.smiles, settings.featurizer_config)
    trained = train_model(
        features,
        ESOL.targets,
        order[:300],
        np.arange(0),
        settings,
        target_names=ESOL.target_names,
        units=ESOL.unit_of_each,
    )
    predictions = trained.model.predict_rows(features, order[300:])
    low, high = trained.model.interval(predictions, 0.8)
    assert 0.73 < coverage(ESOL.targets[order[300:]], low, high) < 0.87


def test_a_molecule_out_of_fold_is_as_far_as_a_new_one() -> None:
    trained = _trained(40)
    assert not trained.predictions.seen.any()
    assert (trained.predictions.distance > 0).all()
    whole = trained.model.predict(_features(40, trained.model.settings))
    assert (whole.distance == 0).all()
    assert whole.seen.all()


@pytest.mark.slow
def test_networks_calibrate_with_the_folds_that_they_leave_out() -> None:
    trained = _trained(30, networks=2, **SMALL)
    assert trained.model.intervals.counts == [12]
    by_network = np.isfinite(trained.by_member[:2, :, 0])
    assert by_network.sum(axis=0).tolist() == [1] * 12
    assert by_network.sum(axis=1).tolist() == [6, 6]
    assert np.isfinite(trained.by_member[2:]).all()


@pytest.mark.slow
def test_networks_alone_are_calibrated_too() -> None:
    trained = _trained(30, networks=1, descriptor_models=[], **SMALL)
    assert trained.model.intervals.counts == [6]
    assert trained.model.weights is not None
    assert trained.model.weights.tolist() == [[1.0]]


@pytest.mark.slow
def test_intervals_of_networks_alone_are_as_wide_as_where_they_are_calibrated() -> None:
    """One network predicts a molecule out of fold, so how far they lie apart is not known there."""
    trained = _trained(30, networks=2, descriptor_models=[], **SMALL)
    features = _features(30, trained.model.settings)
    found = trained.model.predict(features)
    np.testing.assert_allclose(found.difficulty, np.tile(trained.model.scaler.sd, (30, 1)))
    np.testing.assert_allclose(trained.predictions.difficulty, found.difficulty[:12])
    assert (found.spread > 0).all()


@pytest.mark.parametrize("count", [5, 6, 8, 24])
def test_a_few_molecules_are_enough(count: int) -> None:
    trained = _trained(count)
    assert trained.model.intervals.counts == [count]
    assert np.isfinite(trained.model.predict(_features(count, trained.model.settings)).values).all()


def test_a_target_with_gaps_is_calibrated_by_its_values() -> None:
    targets = np.repeat(ESOL.targets[:40], 2, axis=1)
    targets[::2, 1] = np.nan
    assert _trained(40, targets).model.intervals.counts == [40, 20]


def test_equal_weights_calibrate_alike() -> None:
    trained = _trained(40, weights="equal")
    assert trained.model.weights is None
    assert trained.model.intervals.counts == [40]
    np.testing.assert_allclose(trained.predictions.values, trained.by_member.mean(axis=0))


def test_weights_that_do_not_sum_to_1_are_no_spread() -> None:
    """A member alone has no spread, however far its prediction is from the mean."""
    model = replace(_trained(40, descriptor_models=["embedding-svr"]).model, typical_spread=1.0)
    votes = np.array([[[-2.0], [0.0], [3.0]]])
    values, difficulty = model.combine(votes, np.full((1, 1, 1), 1.2))
    np.testing.assert_allclose(values, model.scaler.restore(1.2 * votes[0]))
    np.testing.assert_allclose(difficulty, 1)
    assert np.isnan(model.spread(votes)).all()
    two = np.concatenate([votes, votes + 2])
    _, difficulty = model.combine(two, np.full((2, 1, 1), 0.6))
    np.testing.assert_allclose(difficulty, np.broadcast_to(1 + model.scaler.sd, (3, 1)))
    np.testing.assert_allclose(model.spread(two), difficulty - 1)
    before = replace(model, spread_of="prediction").combine(votes, np.full((1, 1, 1), 1.2))[1]
    assert before[2] - 1 > 10 * (before[1] - 1) == 0


@pytest.mark.parametrize("weights", [None, [0.2, 0.2, 0.5]])
def test_the_mean_of_the_networks_is_one_vote_of_the_difficulty(
    weights: list[float] | None,
) -> None:
    """As where predictions out of fold calibrate: of networks, one predicts each molecule."""
    trained = _trained(30, networks=2, descriptor_models=["embedding-svr"], **SMALL).model
    model = replace(
        trained, weights=None if weights is None else np.array(weights)[:, None], widening=None
    )
    features = _features(30, model.settings)
    first, second, other = model.predict_by_member(features, np.arange(30))
    own, shares = (first + second) / 2, np.array(weights or [1, 1, 1]) / sum(weights or [1, 1, 1])
    center = (shares[0] + shares[1]) * own + shares[2] * other
    variance = (shares[0] + shares[1]) * (own - center) ** 2 + shares[2] * (other - center) ** 2
    found = model.predict(features)
    np.testing.assert_allclose(
        found.difficulty - model.typical_spread, np.sqrt(variance), rtol=1e-6
    )
    np.testing.assert_allclose(found.spread, np.std([first, second, other], axis=0), rtol=1e-6)
    wider = replace(model, spread_of="members").predict(features).difficulty
    within = (shares[0] + shares[1]) * ((first - second) / 2) ** 2
    np.testing.assert_allclose(wider - model.typical_spread, np.sqrt(variance + within), rtol=1e-6)


def test_patience_needs_a_validation_set() -> None:
    with pytest.raises(BadValueError, match="patience: expected a validation set"):
        _trained(30, networks=1, patience=2)
    few = MoleculeRegressor(networks=0, descriptor_models=["svr"], patience=2)
    assert few.fit(ESOL.smiles[:30], ESOL.targets[:30, 0]).predict(["CCO"]).shape == (1,)


def test_a_validation_set_of_bounds_alone_is_refused() -> None:
    settings = ModelSettings(networks=0, descriptor_models=["fingerprint-svr"])
    censored = np.zeros((30, 1), dtype=np.int8)
    censored[24:] = 1
    with pytest.raises(BadValueError, match="at least 2 molecules in the validation set, got 0"):
        train_model(
            _features(30, settings),
            ESOL.targets[:30],
            np.arange(24),
            np.arange(24, 30),
            settings,
            target_names=["y"],
            units=[""],
            censored=censored,
        )
