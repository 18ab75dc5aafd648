"""A trained model: an ensemble, intervals around its predictions, and the domain it is good for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from rnc_graph.data import TargetScaler
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import FEATURIZER, FeaturizerConfig
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError, RunError
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models.domain import Domain
from rnc_graph.models.inputs import DescriptorScaler, Inputs
from rnc_graph.models.members import Member
from rnc_graph.models.network import Network
from rnc_graph.models.settings import ModelSettings, TableOptions
from rnc_graph.models.widening import factors_at
from rnc_graph.plugins import PluginRecord
from rnc_graph.seeding import one_thread

SpreadOf = Literal["votes", "members", "prediction"]

NO_EMBEDDING = "this model has neither networks nor a member on an embedding"


@dataclass(frozen=True)
class Predictions:
    """Predictions of t targets for N molecules; NaN for a molecule that cannot be read.

    Attributes:
        values: (N, t) in the targets' units: the mean over the members, with their weights.
        spread: (N, t) standard deviation over the members, whatever their weights, in the targets'
            units; NaN for a single member.
        difficulty: (N, t) what the intervals are proportional to, as the targets are learned: in
            their units, or in those of their transforms.
        distance: (N,) from 0 to 1, to the nearest training molecule.
        out_of_domain: (N,) whether that is farther than the model's domain reaches.
        seen: (N,) whether the molecule belongs to the training or validation set.
        molecule: (N,) the same number for all rows of a molecule, as the model cleans it.
    """

    values: FloatArray
    spread: FloatArray
    difficulty: FloatArray
    distance: FloatArray
    out_of_domain: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    molecule: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Predictions]) -> Predictions:
        """Concatenate the predictions of several blocks."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: NDArray[np.int64]) -> Predictions:
        """Return the predictions of some of the molecules."""
        return Predictions(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class MoleculeModel:
    """A trained model.

    Attributes:
        settings: what it is made of.
        targets: names of the t targets.
        units: of the t targets, "" where unknown.
        scaler: of the targets.
        descriptor_scaler: None for a model without descriptors.
        members: the ensemble, m members.
        typical_spread: (t,) median spread of the molecules that chose the epochs, or of those
            predicted out of fold.
        intervals: calibrated on molecules that no member has seen, or out of fold.
        domain: of the training molecules.
        seen: (M,) digests of the molecules of the training and validation set, rising; None for
            a model of format 1, which did not keep them.
        featurizer: version of the features that the members were trained on.
        column: whether the targets were given as (N, t) even for t = 1.
        id_column: of the table that it was trained on, which names the rows; "" without one.
        plugins: the files that the settings need, as they were in training.
        weights: (m, t) of the members' standardized predictions; None for their plain mean.
        widening: (t, 21) factors of the difficulty by distance, see
            :mod:`~rnc_graph.models.widening`; None without.
        folds: (M,) the fold of each of ``seen`` that one in five networks did not learn from, -1
            where all did or none; None for a model of a format before 5.
        table: how the table was read, merged and divided; None for a model made in Python.
        spread_of: which weighted spread is in the difficulty, as where the intervals were
            calibrated: of the votes, the mean of the networks being one, about their mean; of all
            members, about the same (calibrated by held-out molecules, or formats 5 to 8); or of all
            members, about the prediction (formats 3 and 4).
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
    seen: NDArray[np.int64] | None = None
    featurizer: Literal["ogb-2", "ogb-3"] = FEATURIZER
    column: bool = False
    id_column: str = ""
    plugins: tuple[PluginRecord, ...] = ()
    weights: FloatArray | None = None
    widening: FloatArray | None = None
    folds: NDArray[np.int8] | None = None
    table: TableOptions | None = None
    spread_of: SpreadOf = "votes"

    @property
    def featurizer_config(self) -> FeaturizerConfig:
        """What has to be computed of molecules before they are predicted."""
        return replace(self.settings.featurizer_config, featurizer=self.featurizer)

    @property
    def featurizer_config_to_embed(self) -> FeaturizerConfig:
        """What has to be computed of the same molecules before they are embedded."""
        config = self.featurizer_config
        return replace(config, descriptors=False, bounded=config.descriptors or config.bounded)

    @property
    def counts(self) -> tuple[str, ...]:
        """The fingerprints whose counts a member takes: the featurizer has the molecules."""
        return FINGERPRINTS if self.settings.takes_counts and self.featurizer == FEATURIZER else ()

    def interval(self, predictions: Predictions, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the lower and upper ends of the prediction intervals, (N, t).

        NaN for a target that too few molecules calibrate; :meth:`interval_notes` says which.

        Raises:
            BadValueError: a level outside (0, 1).
        """
        reach = self.intervals.half_widths(predictions.difficulty, level)
        reach[np.isinf(reach)] = np.nan
        learned = self.scaler.transform(predictions.values)
        return self.scaler.invert(learned - reach), self.scaler.invert(learned + reach)

    def interval_notes(self, level: float) -> list[str]:
        """Say which targets have no intervals at a level, and why."""
        return [
            f"{name}: no intervals at {level:g}: {count} molecules calibrate them, enough for "
            f"levels up to {math.floor(1000 * highest) / 10:g}%"
            for name, count, highest in zip(
                self.targets, self.intervals.counts, self.intervals.highest_levels, strict=True
            )
            if level > highest
        ]

    def predict(self, features: MoleculeFeatures) -> Predictions:
        """Predict N molecules."""
        return self.predict_rows(features, np.arange(len(features)))

    def predict_rows(self, features: MoleculeFeatures, rows: NDArray[np.int64]) -> Predictions:
        """Predict some of the molecules."""
        good = np.isin(rows, features.good)
        shape = (len(rows), len(self.targets))
        values, spread, difficulty = (np.full(shape, np.nan) for _ in range(3))
        distance = np.full(len(rows), np.nan)
        if good.any():
            votes = self._votes(features, rows[good])
            values[good], difficulty[good] = self.combine(*self._in_groups(votes))
            spread[good] = self.spread(votes)
            if not np.isfinite(values[good]).all():
                raise RunError("a prediction is not finite: the model's weights are damaged")
            distance[good] = self.domain.distances(features.fingerprints[rows[good]])
            if self.widening is not None:
                difficulty[good] *= factors_at(self.widening, distance[good])
        molecule = digests([features.canonical[row] for row in rows])
        return Predictions(
            values=values,
            spread=spread,
            difficulty=difficulty,
            distance=distance,
            out_of_domain=distance > self.domain.threshold,
            # Without its molecules, equal fingerprints are the best evidence there is.
            seen=distance == 0 if self.seen is None else np.isin(molecule, self.seen),
            molecule=molecule,
        )

    def predict_by_member(self, features: MoleculeFeatures, rows: NDArray[np.int64]) -> FloatArray:
        """Return what each member predicts of molecules that can all be read, (m, N, t)."""
        return np.stack([self.scaler.restore(vote) for vote in self._votes(features, rows)])

    def combine(
        self, votes: FloatArray, weights: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the values and the difficulty (N, t) of what members predict.

        Args:
            votes: (m, N, t) standardized.
            weights: (m, N, t), or (m, 1, t) if they are those of all molecules; None for the mean.
        """
        values = self.scaler.restore(_mean(votes, weights))
        shares = weights
        if weights is not None and self.spread_of != "prediction":
            # Weights that do not sum to 1 draw predictions to the mean: the members' own mean, from
            # which they deviate, is that of their shares.
            total = weights.sum(axis=0)
            shares = weights / np.where(total > 0, total, 1.0)
        center = _mean(votes, shares)
        sd = np.sqrt(_mean((votes - center) ** 2, shares)) * self.scaler.sd
        return values, sd + self.typical_spread

    def spread(self, votes: FloatArray) -> FloatArray:
        """Return the standard deviation (N, t), in the unit, over members' votes (m, N, t)."""
        if len(votes) == 1:
            return np.full(votes.shape[1:], np.nan)
        spread: FloatArray = self.scaler.restore(votes).std(axis=0)
        return spread

    def _in_groups(self, votes: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """Return what is combined of the members' votes (m, N, t), and its weights.

        The mean of the networks is one vote, as it is where predictions out of fold calibrate: a
        difficulty that counted how far the networks are from each other would be too large.
        """
        weights = None if self.weights is None else self.weights[:, None]
        networks = len(self.networks)
        if self.spread_of != "votes" or networks == 0:
            return votes, weights
        if weights is None:
            weights = np.full((len(votes), 1, votes.shape[2]), 1 / len(votes))
        mean, total = votes[:networks].mean(axis=0), weights[:networks].sum(axis=0)
        return (
            np.concatenate([mean[None], votes[networks:]]),
            np.concatenate([total[None], weights[networks:]]),
        )

    def _votes(self, features: MoleculeFeatures, rows: NDArray[np.int64]) -> FloatArray:
        inputs = Inputs.of(
            features, rows, self.descriptor_scaler, embedding=self.settings.needed_embedding
        )
        if self.settings.takes_counts:
            inputs = inputs.counted()
        with one_thread():  # The fastest for small graphs, and the same bits everywhere.
            return np.stack([member.predict(inputs) for member in self.members])

    @property
    def networks(self) -> list[Network]:
        """The members that are networks, which come first."""
        return [member for member in self.members if isinstance(member, Network)]

    @property
    def has_embedding(self) -> bool:
        """Whether :meth:`embed` has something to return."""
        return bool(self.networks) or self.settings.needed_embedding is not None

    def embed(self, features: MoleculeFeatures) -> FloatArray:
        """Return the (N, d) embedding: those of the networks, side by side; NaN for bad molecules.

        Of a model without networks, that of the pretrained encoder of its members.

        Raises:
            BadValueError: no member has an embedding.
        """
        if not self.has_embedding:
            raise BadValueError(NO_EMBEDDING)
        networks = self.networks
        needed = None if networks else self.settings.needed_embedding
        good = features.good
        inputs = Inputs.of(features, good, None, embedding=needed)
        dims = sum(network.embedding_dim for network in networks) or inputs.embedding.shape[1]
        embedding = np.full((len(features), dims), np.nan)
        if len(good):
            with one_thread():
                parts = [network.embed(inputs) for network in networks] or [inputs.embedding]
            embedding[good] = torch.cat(parts, dim=1).numpy()
        return embedding


def _mean(votes: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Return the mean (N, t) of what m members say, (m, N, t), with their weights."""
    mean: FloatArray = votes.mean(axis=0) if weights is None else (weights * votes).sum(axis=0)
    return mean


def digests(canonical: Sequence[str]) -> NDArray[np.int64]:
    """Return 64 bits of the SHA-256 of each of N canonical SMILES, (N,)."""
    parts = [hashlib.sha256(text.encode()).digest()[:8] for text in canonical]
    return np.frombuffer(b"".join(parts), dtype="<i8").astype(np.int64)
