"""A trained model: an ensemble, intervals around its predictions, and the domain it is good for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data import TargetScaler
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import FEATURIZER, Wants
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models.domain import Domain
from rnc_graph.models.inputs import DescriptorScaler, Inputs
from rnc_graph.models.members import Member
from rnc_graph.models.network import Network
from rnc_graph.models.settings import ModelSettings


@dataclass(frozen=True)
class Predictions:
    """What a model says of N molecules and t targets; NaN for a molecule that cannot be read.

    Attributes:
        values: (N, t) in the targets' units: the mean over the members.
        spread: (N, t) standard deviation over the members, in the targets' units.
        difficulty: (N, t) what the intervals are proportional to, in the targets' units.
        distance: (N,) from 0 to 1, to the nearest training molecule.
        outside: (N,) whether that is farther than the model's domain reaches.
    """

    values: FloatArray
    spread: FloatArray
    difficulty: FloatArray
    distance: FloatArray
    outside: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Predictions]) -> Predictions:
        """Put the predictions of several blocks end to end."""
        return cls(
            **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        )


@dataclass(frozen=True)
class MoleculeModel:
    """A trained model.

    Attributes:
        settings: what it is made of.
        targets: names of the t targets.
        units: of the t targets, "" where unknown.
        scaler: of the targets.
        descriptor_scaler: None for a model without descriptors.
        members: the ensemble.
        typical_spread: (t,) median spread of the molecules that chose the epochs.
        intervals: calibrated on molecules that no member has seen.
        domain: of the training molecules.
        featurizer: version of the features that the members were trained on.
    """

    settings: ModelSettings
    targets: list[str]
    units: list[str]
    scaler: TargetScaler
    descriptor_scaler: DescriptorScaler | None
    members: list[Member]
    typical_spread: FloatArray
    intervals: ConformalIntervals
    domain: Domain
    featurizer: str = FEATURIZER

    @property
    def wants(self) -> Wants:
        """What has to be computed of molecules before they are predicted."""
        return replace(self.settings.wants, featurizer=self.featurizer)

    def predict(self, features: MoleculeFeatures) -> Predictions:
        """Predict N molecules; raises :class:`RncGraphError` where a descriptor is not known."""
        return self.predict_rows(features, np.arange(len(features)))

    def predict_rows(self, features: MoleculeFeatures, rows: NDArray[np.int64]) -> Predictions:
        """Predict some of the molecules."""
        good = np.isin(rows, features.good)
        shape = (len(rows), len(self.targets))
        values, spread = np.full(shape, np.nan), np.full(shape, np.nan)
        distance = np.full(len(rows), np.nan)
        if good.any():
            inputs = Inputs.of(features, rows[good], self.descriptor_scaler)
            votes = np.stack([member.predict(inputs) for member in self.members])
            values[good] = self.scaler.restore(votes.mean(axis=0))
            spread[good] = votes.std(axis=0) * self.scaler.sd
            distance[good] = self.domain.distances(features.fingerprints[rows[good]])
        return Predictions(
            values=values,
            spread=spread,
            difficulty=spread + self.typical_spread,
            distance=distance,
            outside=distance > self.domain.threshold,
        )

    def embed(self, features: MoleculeFeatures) -> FloatArray:
        """Return the (N, d) embedding: those of the networks, side by side; NaN for bad molecules.

        Raises:
            RncGraphError: no member is a network.
        """
        networks = [member for member in self.members if isinstance(member, Network)]
        if not networks:
            raise BadValueError("this model has no network, and so no embedding")
        good = features.good
        dims = sum(network.encoder.embedding_dim for network in networks)
        embedding = np.full((len(features), dims), np.nan)
        if len(good):
            inputs = Inputs.of(features, good, self.descriptor_scaler)
            embedding[good] = np.concatenate([n.embed(inputs).numpy() for n in networks], axis=1)
        return embedding
