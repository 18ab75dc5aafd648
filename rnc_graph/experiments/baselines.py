"""Rows to measure against: what a user could do without a neural network.

Each learns from the training set alone, with settings fixed beforehand; predictions that came with
the data set are one more.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVR

from rnc_graph.data.descriptors import morgan_fingerprints, rdkit_descriptors
from rnc_graph.data.samples import SampleTable
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import UnknownNameError


@dataclass(frozen=True)
class Baseline:
    """Fixed features of molecules, and a scikit-learn regressor made from a seed."""

    features: Callable[[list[str]], NDArray[Any]]
    regressor: Callable[[int], Any]


BASELINES = {
    "mean": Baseline(lambda smiles: np.zeros((len(smiles), 1)), lambda seed: DummyRegressor()),
    "random-forest": Baseline(
        morgan_fingerprints,
        lambda seed: RandomForestRegressor(300, max_features=1 / 3, random_state=seed),
    ),
    "svr": Baseline(
        rdkit_descriptors,
        # Ranks, not values: some descriptors have tails that no linear scaling bounds.
        lambda seed: make_pipeline(
            SimpleImputer(keep_empty_features=True),
            QuantileTransformer(n_quantiles=100, output_distribution="normal", random_state=seed),
            SVR(C=10.0, epsilon=0.1),
        ),
    ),
    "extra-trees": Baseline(
        rdkit_descriptors,
        lambda seed: make_pipeline(
            SimpleImputer(keep_empty_features=True),
            ExtraTreesRegressor(300, max_features=1 / 3, random_state=seed),
        ),
    ),
}


# Of images, which have no descriptors: the mean needs no features at all.
OF_IMAGES = ("mean",)


def check_baselines(names: Iterable[str], published: Iterable[str], *, images: bool) -> None:
    """Check that each name is a baseline or one of the data set's ``published`` predictions.

    Args:
        names: to be checked.
        published: models whose predictions came with the data.
        images: whether it is a set of images.

    Raises:
        UnknownNameError: a name is neither.
    """
    known = list(OF_IMAGES) if images else [*BASELINES, *published]
    for name in names:
        if name not in known:
            raise UnknownNameError("baseline of images" if images else "baseline", name, known)


def baseline_predictions(
    name: str,
    table: SampleTable,
    train: NDArray[np.int64],
    targets: FloatArray,
    seed: int,
) -> FloatArray:
    """Return a baseline's predictions for all N samples, (N, t), in the targets' unit.

    For classes they are logits (N, C), and the mean is that of the classes' indicators.

    Args:
        name: a baseline or one of the table's published predictions.
        table: the N molecules, or images.
        train: (M,) the rows to learn from.
        targets: (M, t) their targets.
        seed: makes what the regressor draws repeatable.
    """
    if not isinstance(table, MoleculeTable):
        features = np.zeros((len(table), 1))
    elif name in table.published_predictions:
        return table.published_predictions[name][:, None]
    else:
        features = BASELINES[name].features(table.smiles)
    classes = table.classes
    if classes:
        # What is most frequent, in every class's share of the training set.
        shares = np.bincount(targets[:, 0].astype(np.int64), minlength=len(classes)) + 1.0
        return np.tile(np.log(shares / shares.sum()), (len(table), 1))
    # On standardized targets, since an SVR's settings are in their scale.
    model = TransformedTargetRegressor(
        MultiOutputRegressor(BASELINES[name].regressor(seed)), transformer=StandardScaler()
    )
    model.fit(features[train], targets)
    return np.asarray(model.predict(features), dtype=np.float64).reshape(table.targets.shape)
