"""The members of a model, by kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from rnc_graph.data.table import FloatArray
from rnc_graph.models.extra_trees import ExtraTrees
from rnc_graph.models.fingerprint_svr import FingerprintSVR
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.network import Network
from rnc_graph.models.settings import ModelSettings
from rnc_graph.models.support_vectors import SupportVectors


class Member(Protocol):
    """What predicts standardized targets, and can be kept as tensors."""

    kind: str

    def predict(self, inputs: Inputs) -> FloatArray:
        """Return the (N, t) standardized predictions."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Return what it has learned."""
        ...


@dataclass(frozen=True)
class TrainingParts:
    """What all members of a model are trained on.

    Attributes:
        inputs: N molecules.
        targets: (N, t) float32, standardized, NaN where missing.
        train: rows to learn from.
        selection: rows that choose the epoch.
    """

    inputs: Inputs
    targets: Tensor
    train: Tensor
    selection: Tensor


def fit_member(
    kind: str,
    parts: TrainingParts,
    settings: ModelSettings,
    *,
    seed: int,
    device: str,
    on_epoch: Callable[[], None],
) -> Member:
    """Train one member; the same arguments give the same bits."""
    inputs, targets, train = parts.inputs, parts.targets, parts.train
    count = targets.shape[1]
    if kind == SupportVectors.kind:
        return SupportVectors(count).fit(inputs, targets, train)
    if kind == FingerprintSVR.kind:
        return FingerprintSVR(count).fit(inputs, targets, train)
    if kind == ExtraTrees.kind:
        return ExtraTrees(count).fit(inputs, targets, train, seed)
    network = Network(settings, inputs.scores.shape[1], count, seed)
    return network.fit(
        inputs,
        targets,
        train,
        parts.selection,
        settings,
        seed=seed,
        device=device,
        on_epoch=on_epoch,
    )


def load_member(
    kind: str, tensors: dict[str, Tensor], settings: ModelSettings, scores: int, targets: int
) -> Member:
    """Make a member of what :meth:`Member.tensors` returned."""
    if kind == SupportVectors.kind:
        return SupportVectors(targets).load(tensors)
    if kind == FingerprintSVR.kind:
        return FingerprintSVR(targets).load(tensors)
    if kind == ExtraTrees.kind:
        return ExtraTrees(targets).load(tensors)
    return Network(settings, scores, targets).load(tensors)


def kinds(settings: ModelSettings) -> list[str]:
    """Return the kinds of a model's members, in order."""
    return [Network.kind] * settings.networks + settings.members_on_descriptors
