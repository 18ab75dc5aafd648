"""The Gaussian process: its kernels are scikit-learn's and RDKit's, its algebra the textbook's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.gaussian_process.kernels import Matern

from rnc_graph.data import MoleculeTable
from rnc_graph.data.bounds import weighted_bounds
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names, molecule_arrays
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.models import gaussian_process
from rnc_graph.models.fingerprint_svr import MinMaxKernel
from rnc_graph.models.gaussian_process import GaussianProcess
from rnc_graph.models.inputs import EMBEDDING, DescriptorScaler, Inputs
from rnc_graph.models.members import TrainingSet, fit_member
from rnc_graph.models.settings import ModelSettings


@pytest.fixture(scope="module")
def molecules(esol: MoleculeTable) -> tuple[Inputs, torch.Tensor]:
    features = MoleculeFeatures.of(
        molecule_arrays(esol.smiles[:90], FeaturizerConfig(descriptors=True, canonical=True))
    )
    scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors[:70])
    inputs = Inputs.of(features, np.arange(90), scaler, embedding=EMBEDDING).counted()
    targets = torch.from_numpy(esol.targets[:90]).float()
    return inputs, (targets - targets.mean()) / targets.std()


def _kernel(member: GaussianProcess, inputs: Inputs, target: int = 0) -> np.ndarray:
    """Return the kernel of 90 molecules by other code."""
    values = np.exp(member.learned["parameters"][target].numpy())
    standardized = (inputs.embedding.double() - member.learned["mean"]) / member.learned["sd"]
    vectors = [inputs.scores.double().numpy(), standardized.clamp(-5, 5).float().double().numpy()]
    total = np.zeros((len(inputs), len(inputs)))
    for number, own in enumerate(vectors):
        length = values[6 + number] * own.shape[1] ** 0.5
        total += values[number] * Matern(length, nu=2.5)(own)
    for number, name in enumerate(FINGERPRINTS):
        counts = inputs.counts[name]
        total += values[2 + number] * MinMaxKernel(counts)(counts)
    return total


def test_it_is_the_posterior_mean(molecules: tuple[Inputs, torch.Tensor]) -> None:
    inputs, targets = molecules
    targets = targets.repeat(1, 2)
    targets[:30, 1] = torch.nan
    member = GaussianProcess(2).fit(inputs, targets, torch.arange(70))
    found = member.predict(inputs)
    for target, first in ((0, 0), (1, 30)):
        kernel, known = _kernel(member, inputs, target), np.arange(first, 70)
        noise = np.exp(float(member.learned["parameters"][target, -1])) + 1e-6
        y = targets[known, target].double().numpy()
        inner = kernel[np.ix_(known, known)] + noise * np.eye(len(known))
        expected = y.mean() + kernel[:, known] @ np.linalg.solve(inner, y - y.mean())
        np.testing.assert_allclose(found[:, target], expected, atol=1e-5)
    loaded = GaussianProcess(2).load(member.tensors())
    np.testing.assert_array_equal(loaded.predict(inputs), found)
    error = np.sqrt(np.mean((found[70:, 0] - targets[70:, 0].numpy()) ** 2))
    assert error < 0.6


@pytest.mark.parametrize(("searched", "kept"), [(70, True), (20, False)])
def test_a_measurement_has_no_say_in_the_parameters_that_predict_it(
    molecules: tuple[Inputs, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
    searched: int,
    kept: bool,
) -> None:
    """Of as few molecules as choose the parameters; of more, it has next to none."""
    monkeypatch.setattr(gaussian_process, "_SEARCHED", searched)
    inputs, targets = molecules
    rows, none = torch.arange(70), torch.arange(0)
    settings = ModelSettings(networks=0, descriptor_models=["gaussian-process"])
    predicted = []
    for shift in (0.0, 2.0):
        changed = targets.clone()
        changed[::5] += shift
        training = TrainingSet(inputs, changed, rows, none, fold=rows % 5)
        fitted = fit_member(
            "gaussian-process", 0, training, settings, seed=0, device="cpu", on_epoch=lambda: None
        )
        predicted.append(fitted.out_of_fold[:, 0])
    assert np.isfinite(predicted[0]).all()
    assert np.array_equal(predicted[0][::5], predicted[1][::5]) is kept
    assert not np.allclose(predicted[0][1::5], predicted[1][1::5], atol=0.01)


def test_the_parameters_have_the_largest_posterior(
    molecules: tuple[Inputs, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian_process, "_STEPS", 200)
    inputs, targets = molecules
    rows = torch.arange(70)
    member = GaussianProcess(1).fit(inputs, targets, rows)
    y = targets[:70, 0].double().numpy()
    start = np.log([0.5, 0.5, *[0.1] * 4, 1.0, 1.0, 0.1])

    def posterior(parameters: np.ndarray) -> float:
        member.learned["parameters"] = torch.from_numpy(parameters)[None]
        kernel = _kernel(member, inputs)[:70, :70]
        covariance = kernel + (np.exp(parameters[-1]) + 1e-6) * np.eye(70)
        likelihood = multivariate_normal(y.mean() * np.ones(70), covariance).logpdf(y)
        return float(likelihood - np.sum(((parameters - start) / 2) ** 2) / 2)

    best = member.learned["parameters"][0].numpy().copy()
    highest = posterior(best)
    assert highest > posterior(start) + 10
    for number in range(len(best)):
        for step in (-0.1, 0.1):
            other = best.copy()
            other[number] += step
            assert posterior(other) < highest + 1e-3


def test_folds_are_predicted_from_all_else(molecules: tuple[Inputs, torch.Tensor]) -> None:
    inputs, targets = molecules
    train = torch.arange(70)
    member = GaussianProcess(1).fit(inputs, targets, train)
    folds = [train % 5 == number for number in range(4)]
    votes = member.cross_predict(inputs, targets, train, folds)
    assert np.isnan(votes[4::5]).all()
    kernel = _kernel(member, inputs)[:70, :70]
    noise = np.exp(float(member.learned["parameters"][0, -1])) + 1e-6
    for fold in folds:
        held, kept = fold.numpy(), ~fold.numpy()
        y = targets[:70][kept, 0].double().numpy()
        inner = kernel[np.ix_(kept, kept)] + noise * np.eye(kept.sum())
        expected = y.mean() + kernel[np.ix_(held, kept)] @ np.linalg.solve(inner, y - y.mean())
        np.testing.assert_allclose(votes[held, 0], expected, atol=1e-5)
    assert np.isnan(member.cross_predict(inputs, targets, train, [])).all()


def test_weights_divide_the_noise(molecules: tuple[Inputs, torch.Tensor]) -> None:
    inputs, targets = molecules
    weights = torch.ones(90)
    weights[0] = 1000.0
    y = targets.clone()
    y[0] = 3.0  # Far from what molecules like it have.
    train = torch.arange(70)
    light = GaussianProcess(1).fit(inputs, y, train).predict(inputs)[0, 0]
    weighted = weighted_bounds(y, torch.zeros_like(y), weights / weights.mean())
    found = GaussianProcess(1).fit(inputs, weighted, train).predict(inputs)[0, 0]
    assert abs(found - 3.0) < 0.05 < abs(light - 3.0)


def test_a_large_training_set_is_thinned_out(
    molecules: tuple[Inputs, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, targets = molecules
    whole = GaussianProcess(1).fit(inputs, targets, torch.arange(90)).predict(inputs)
    monkeypatch.setattr(gaussian_process, "_BLOCK", 7)
    in_blocks = GaussianProcess(1).fit(inputs, targets, torch.arange(90)).predict(inputs)
    np.testing.assert_allclose(in_blocks, whole, atol=1e-6)
    monkeypatch.setattr(GaussianProcess, "largest", 40)
    thinned = GaussianProcess(1).fit(inputs, targets, torch.arange(90))
    fourth = GaussianProcess(1).fit(inputs, targets, torch.arange(0, 90, 4))
    assert torch.equal(thinned.learned["scores"], fourth.learned["scores"])
    votes = thinned.cross_predict(
        inputs, targets, torch.arange(90), [torch.arange(90) % 3 == number for number in range(3)]
    )
    assert np.flatnonzero(np.isfinite(votes)).tolist() == [*range(0, 90, 4)]


@pytest.mark.parametrize("values", [[0.5], [0.5] * 40, [float("nan")] * 40])
def test_little_is_learned_of_little(
    molecules: tuple[Inputs, torch.Tensor], values: list[float]
) -> None:
    inputs, train = molecules[0], torch.arange(len(values))
    targets = torch.full((90, 1), torch.nan)
    targets[: len(values), 0] = torch.tensor(values)
    found = GaussianProcess(1).fit(inputs, targets, train).predict(inputs)
    np.testing.assert_allclose(found, 0.0 if np.isnan(values[0]) else 0.5, atol=1e-6)


def test_without_descriptors(molecules: tuple[Inputs, torch.Tensor]) -> None:
    inputs, targets = molecules
    without = replace(inputs, scores=inputs.scores[:, :0])
    member = GaussianProcess(1).fit(without, targets, torch.arange(70))
    assert member.learned["parameters"].shape == (1, 7)
    assert np.isfinite(member.predict(without)).all()
