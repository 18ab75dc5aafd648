"""Baselines: what a user could do without a neural network.

Each learns from the training set alone, with fixed settings. Support-vector regression on
descriptors and on fingerprints, and extra trees on descriptors and on both, are the members of
:class:`~rnc_graph.models.MoleculeRegressor`. Predictions that were published with the data are one
more kind.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rnc_graph.data import DatasetSplit
from rnc_graph.data.bounds import exact
from rnc_graph.data.table import FloatArray, MoleculeTable, Table
from rnc_graph.errors import UnknownNameError

BASELINES = ("extra-trees", "fingerprint-svr", "fingerprint-trees", "mean", "random-forest", "svr")


def check_baselines(names: Iterable[str], published: Iterable[str], *, molecules: bool) -> None:
    """Raise :class:`UnknownNameError` for a name that is no baseline of these samples.

    ``published`` are models whose predictions come with the data; ``molecules`` says whether the
    samples have SMILES.
    """
    known = [*BASELINES, *published] if molecules else ["mean"]
    kind = "baseline" if molecules else "baseline of samples without SMILES"
    for name in names:
        if name not in known:
            raise UnknownNameError(kind, name, known)


def baseline_predictions(name: str, table: Table, split: DatasetSplit, seed: int) -> FloatArray:
    """Return a baseline's standardized predictions for all N samples, (N, t).

    For classes they are logits (N, C), and the mean is that of the classes' indicators. Where
    targets are missing, each target has a model of its own on the samples that have it.
    """
    if table.classes:
        labels = split.training_targets[:, 0].astype(np.int64)
        shares = np.bincount(labels, minlength=len(table.classes)) + 1.0
        return np.tile(np.log(shares / shares.sum()), (len(table), 1))
    if name == "mean":
        return np.zeros(table.targets.shape)
    assert isinstance(table, MoleculeTable)
    if name in table.published_predictions:
        values = np.broadcast_to(table.published_predictions[name][:, None], table.targets.shape)
        return split.scaler.standardize(values)
    if name == "random-forest":
        from rnc_graph.data.features import morgan_fingerprints
        from rnc_graph.models.baselines import random_forest

        bits, targets = morgan_fingerprints(table.smiles), exact(split.targets).double().numpy()
        return random_forest(bits, targets, split.train.numpy(), seed=seed)
    return _member(name, table, split, seed)


def _member(kind: str, table: MoleculeTable, split: DatasetSplit, seed: int) -> FloatArray:
    """Fit a member of a model that sees no graphs."""
    from rnc_graph.data.bad import bad_rows, check_bad
    from rnc_graph.data.features import molecule_features
    from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names
    from rnc_graph.models.inputs import DescriptorScaler, Inputs
    from rnc_graph.models.members import fit_quick
    from rnc_graph.models.settings import TAKE_COUNTS, TAKE_DESCRIPTORS

    on_descriptors, on_counts = kind in TAKE_DESCRIPTORS, kind in TAKE_COUNTS
    # Rows of one molecule are known where bounds are completed.
    canonical = on_counts or split.targets.dim() == 3
    config = FeaturizerConfig(descriptors=on_descriptors, canonical=canonical, bounded=on_counts)
    features = molecule_features(table.smiles, config)
    check_bad(bad_rows(features.bad, table), "raise", table.name)
    scaler = None
    if on_descriptors:
        scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors[split.train.numpy()])
    inputs = Inputs.of(features, np.arange(len(table)), scaler)
    if on_counts:
        inputs = inputs.counted()
    return fit_quick(kind, inputs, split.targets, split.train, seed).predict(inputs)
