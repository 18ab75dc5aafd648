"""The members of a model, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnc_graph.data.bounds import exact
from rnc_graph.data.splits.split import numbered
from rnc_graph.data.table import FloatArray
from rnc_graph.models.columns import expected_beyond
from rnc_graph.models.extra_trees import ExtraTrees, FingerprintTrees
from rnc_graph.models.fingerprint_svr import FingerprintSVR
from rnc_graph.models.gaussian_process import GaussianProcess
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.mixture import FOLDS
from rnc_graph.models.network import Network
from rnc_graph.models.quick import LearnedByKernel
from rnc_graph.models.settings import ModelSettings
from rnc_graph.models.support_vectors import EmbeddingVectors, SupportVectors

QuickMember = SupportVectors | ExtraTrees | FingerprintSVR | GaussianProcess
Member = Network | QuickMember
"""What predicts standardized targets, and can be kept as tensors."""

QUICK: dict[str, type[QuickMember]] = {
    member.kind: member
    for member in (
        SupportVectors,
        EmbeddingVectors,
        ExtraTrees,
        FingerprintTrees,
        FingerprintSVR,
        GaussianProcess,
    )
}
"""The members that are no networks, of a number of targets, by kind."""

# Enough to weigh the trees; the member has three times as many.
_TREES_OF_A_FOLD = 100


@dataclass(frozen=True)
class TrainingSet:
    """What all members of a model are trained on.

    Attributes:
        inputs: N molecules.
        targets: (N, t) float32, standardized, NaN where missing; or (N, t, 3), with bounds and
            weights, as ``weighted_bounds`` makes them.
        train: (n,) rows to learn from.
        selection: rows that choose the epoch.
        fold: (n,) numbers of the folds of ``train``, -1 where nothing is predicted out of fold.
        encoders: weights that the encoders of the first networks start from.
    """

    inputs: Inputs
    targets: Tensor
    train: Tensor
    selection: Tensor
    fold: Tensor
    encoders: Sequence[Mapping[str, Tensor]] = ()

    def completed(self, votes: FloatArray) -> FloatArray:
        """Return the (n, t) values of ``train``, NaN where missing.

        In place of a bound is what is expected beyond it, given the mean of m predictions out of
        fold, ``votes`` (n, t, m). Values alone lie within the limits of an assay: weights that are
        learned from them would pull predictions inwards.
        """
        values = exact(self.targets[self.train]).double().numpy()
        if self.targets.dim() == 2:
            return values
        bounds, censored, _ = self.targets[self.train].double().numpy().transpose(2, 0, 1)
        mean = votes.mean(axis=2)
        for target in range(values.shape[1]):
            error = (mean - values)[:, target]
            beyond = (censored[:, target] != 0) & ~np.isnan(mean[:, target])
            if beyond.any() and (known := ~np.isnan(error)).any():
                values[beyond, target] = expected_beyond(
                    bounds[beyond, target],
                    censored[beyond, target],
                    mean[beyond, target],
                    float(np.sqrt(np.mean(error[known] ** 2))),
                )
        return values

    def weights(self) -> FloatArray | None:
        """Return the weights of ``train``, (n,); None if all rows count alike."""
        if self.targets.dim() == 2:
            return None
        weights: FloatArray = self.targets[self.train, 0, 2].double().numpy()
        return None if (weights == 1).all() else weights

    def molecules(self) -> NDArray[np.int64]:
        """Return the number of each molecule of ``train``, (n,); its rows share it."""
        return numbered(self.inputs.smiles[row] for row in self.train)

    def folds(self) -> list[Tensor]:
        """Return a mask (n,) of each fold without which every target can still be learned."""
        known = ~exact(self.targets[self.train]).isnan()
        masks = [self.fold == number for number in range(FOLDS)]
        masks = [mask for mask in masks if mask.any()]
        return [mask for mask in masks if known[~mask].any(dim=0).all()]


@dataclass(frozen=True)
class Fitted:
    """A trained member and its out-of-fold predictions (n, t), NaN where there are none."""

    member: Member
    out_of_fold: FloatArray


def fit_member(
    kind: str,
    number: int,
    training: TrainingSet,
    settings: ModelSettings,
    *,
    seed: int,
    device: str,
    on_epoch: Callable[[], None],
) -> Fitted:
    """Train one member; the same arguments give the same bits.

    A network is trained once: network i does not see fold i modulo 5, which it predicts. The others
    learn from all folds, and are trained anew without each of them to predict it.
    """
    inputs, targets, train = training.inputs, training.targets, training.train
    predicted = np.full((len(train), targets.shape[1]), np.nan)
    if kind == Network.kind:
        held = training.fold == number % FOLDS
        network = Network(settings, inputs.scores.shape[1], targets.shape[1], seed)
        if number < len(training.encoders):
            network.encoder.load_state_dict(training.encoders[number])
        network.fit(
            inputs,
            targets,
            train[~held],
            training.selection,
            settings,
            seed=seed,
            device=device,
            on_epoch=on_epoch,
        )
        if held.any():
            predicted[held] = network.predict(inputs.take(train[held]))
        return Fitted(network, predicted)
    member = fit_quick(kind, inputs, targets, train, seed)
    if isinstance(member, LearnedByKernel) and member.keeps_kernel(targets[train]):
        return Fitted(member, member.cross_predict(inputs, targets, train, training.folds()))
    for held in training.folds():
        other = fit_quick(kind, inputs, targets, train[~held], seed, _TREES_OF_A_FOLD)
        predicted[held] = other.predict(inputs.take(train[held]))
    return Fitted(member, predicted)


def fit_quick(
    kind: str, inputs: Inputs, targets: Tensor, rows: Tensor, seed: int, trees: int | None = None
) -> QuickMember:
    """Train a member that is no network on some rows; ``trees`` in place of its own number."""
    member = QUICK[kind](targets.shape[1])
    if not isinstance(member, ExtraTrees):
        return member.fit(inputs, targets, rows)
    member.trees = trees or member.trees
    return member.fit(inputs, targets, rows, seed)


def load_member(
    kind: str, tensors: dict[str, Tensor], settings: ModelSettings, n_scores: int, n_targets: int
) -> Member:
    """Make a member of what ``tensors`` of another returned."""
    if kind in QUICK:
        return QUICK[kind](n_targets).load(tensors)
    return Network(settings, n_scores, n_targets).load(tensors)


def kinds(settings: ModelSettings) -> list[str]:
    """Return the kinds of a model's members, in order; at most three networks for "auto"."""
    return [Network.kind] * settings.most_networks + settings.other_members
