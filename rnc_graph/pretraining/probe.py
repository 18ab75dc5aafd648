"""How much a frozen encoder knows: support vectors on its embedding, on catalog data sets."""

from __future__ import annotations

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from rnc_graph.data import load_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.data.splits import SPLITS, SplitSamples
from rnc_graph.encoders import GraphEncoder
from rnc_graph.training import embed_graphs

# Embedded in the package, so that nothing is downloaded.
DATASETS = ("esol", "freesolv", "lipophilicity", "logbb")
_SEEDS = range(5)
_C, _TUBE = 3.0, 0.05


def probe(encoder: GraphEncoder) -> dict[str, dict[str, float]]:
    """Return the RMSE on validation sets, in the units of the targets: mean and sd over splits.

    Of each data set, five random splits; nothing is tuned, and the test sets are not looked at.
    """
    found = {}
    for name in DATASETS:
        table = load_dataset(name)
        features = molecule_features(table.smiles, FeaturizerConfig(canonical=True))
        embedding = embed_graphs(encoder, features.graphs).double().numpy()
        y = table.targets[:, 0]
        molecules = SplitSamples.of(table, features.canonical)
        errors = []
        for seed in _SEEDS:
            split = SPLITS.make("random").split(molecules, seed, (0.8, 0.1, 0.1))
            train, val = split.train, split.validation
            mean, sd = y[train].mean(), y[train].std()
            model = make_pipeline(StandardScaler(), SVR(C=_C, epsilon=_TUBE))
            model.fit(embedding[train], (y[train] - mean) / sd)
            predicted = model.predict(embedding[val]) * sd + mean
            errors.append(float(np.sqrt(np.mean((predicted - y[val]) ** 2))))
        found[name] = {
            "rmse": round(float(np.mean(errors)), 4),
            "sd": round(float(np.std(errors, ddof=1)), 4),
        }
    return found
