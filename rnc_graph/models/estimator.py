"""The scikit-learn face of a model: SMILES in, targets in their own units out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn

from rnc_graph.data.features import molecule_features
from rnc_graph.data.reading.molecules import like_classes
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError
from rnc_graph.models import (
    Explanation,
    FewValuesWarning,
    IntervalWarning,
    ModelSettings,
    MoleculeModel,
    embed_smiles,
    explain_smiles,
    load_model,
    make_settings,
    predict_smiles,
    prediction_frame,
    save_model,
    train_model,
)
from rnc_graph.models.held_out import hold_out
from rnc_graph.models.inputs import EMBEDDING, ENCODER
from rnc_graph.models.measurements import (
    Measurements,
    samples_of,
    smiles_of,
    target_names,
    weights_of,
)
from rnc_graph.models.progress import training_bar
from rnc_graph.models.user_warnings import (
    describe_bad_smiles,
    warn_of_bad,
    warn_of_each,
    warn_of_no_network,
)
from rnc_graph.plugins import load_plugins
from rnc_graph.training import ContinuousLoss


class MoleculeRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Regression on molecules, scikit-learn's way.

    A mixture of kernels and trees on descriptors, fingerprints and a pretrained embedding, and of
    graph networks where they lower its error, pretrained with a contrastive objective that ranks
    molecules by label distance. Its intervals are conformal. How the defaults were chosen:
    docs/model.md.

    Args:
        encoder: of the networks: the name of a registered encoder ("gin-moses", which is
            pretrained, "gin", "gcn", "mpnn"), the import path of a class such as
            "torch_geometric.nn.models.AttentiveFP", or a module, from whose weights each network
            starts (such a model cannot be saved).
        encoder_options: arguments of an encoder given by name or path; None suits small sets.
        objective: of stage 1, by name; None trains on the targets alone.
        objective_options: such as ``{"temperature": 2.0}``.
        augmentation: strength of each augmentation of the views in stage 1; None masks the features
            of a tenth of the atoms.
        views: V, in stage 1.
        head_loss: "l1", "l2" or "huber".
        head_hidden: widths of the head's hidden layers.
        head_dropout: after each hidden layer.
        freeze_encoder: whether stage 2 trains the head alone.
        pretraining_epochs: of stage 1; None is 5 for a pretrained encoder that is named, 30 for
            another and for a frozen one.
        epochs: of stage 2; None is 15 for a pretrained encoder that is named, 80 for another and
            for a frozen one.
        head_epochs: before them, epochs in which the head learns alone, on embeddings computed
            once: an encoder keeps more of what it has learned. None is 5 for a pretrained encoder
            that is named, 0 for another and for a frozen one.
        batch_size: largest number of molecules in a batch.
        learning_rate: the largest that the one-cycle schedule reaches.
        encoder_learning_rate: of the encoder in stage 2; None for ``learning_rate``.
        weight_decay: of AdamW.
        patience: end a stage after so many epochs without a better validation error.
        clean: strip salts, solvents and charges, in training and prediction; a molecule with a
            metal or without an organic parent is bad.
        descriptors: put RDKit's descriptors next to the embedding.
        networks: number of networks in the ensemble, trained from different seeds. "auto" trains
            one, and two more if the mixture with it has a lower error, out of fold; otherwise
            there is none.
        descriptor_models: members on descriptors ("svr", "extra-trees"), on counts of fingerprints
            ("fingerprint-svr"), on both ("fingerprint-trees"), on descriptors beside the embedding
            of a pretrained encoder ("embedding-svr"), and on all three ("gaussian-process").
        embedding: the name of the pretrained encoder of "embedding-svr" and "gaussian-process".
        weights: of the members' mean: "equal", or "stacked": for each target those with the least
            squared error on five folds of the training set, which the members are trained without,
            drawn to the plain mean. A network is trained once, without one of the folds.
        target_transform: of the targets before they are learned: "none" or "log10", or a list with
            one for each target. Predictions, intervals and errors are in the targets' units.
        validation_fraction: share of the molecules that ``fit`` holds out, unless it is given some:
            a third chooses the epochs, the others calibrate the intervals. 0 learns from all of
            them: networks train for all epochs, and predictions out of fold calibrate.
        on_bad: "skip" leaves out SMILES that cannot be read, and warns; "raise" refuses them.
        random_state: the same gives the same bits; None draws one from numpy's global state.
        n_jobs: processes that train members and featurize; None is 1, -1 all cores. Results do not
            depend on it.
        device: a Lightning accelerator that ``fit`` trains on: "cpu", "gpu", "auto", ...; the model
            predicts on the CPU, with the same bits wherever it was trained.
        plugins: Python files that register the encoder, the objective or the augmentation; ``fit``
            runs them, and ``load`` needs them again.
        verbose: draw a bar of the training.

    Attributes:
        model_: the trained :class:`~rnc_graph.models.MoleculeModel`.
        n_targets_: t.

    >>> model = MoleculeRegressor(networks=0)  # The quick members alone.
    >>> alcohols = ["C" * length + "O" for length in range(1, 31)]
    >>> solubility = [-0.5 * length for length in range(1, 31)]
    >>> model.fit(alcohols, solubility).predict(["CCCCCO"]).shape
    (1,)
    """

    model_: MoleculeModel
    n_targets_: int

    def __init__(
        self,
        *,
        encoder: str | nn.Module = ENCODER,
        encoder_options: Mapping[str, Any] | None = None,
        objective: str | None = "rnc",
        objective_options: Mapping[str, Any] | None = None,
        augmentation: Mapping[str, float] | None = None,
        views: int = 2,
        head_loss: ContinuousLoss = "l2",
        head_hidden: Sequence[int] = (128,),
        head_dropout: float = 0.2,
        freeze_encoder: bool = False,
        pretraining_epochs: int | None = None,
        epochs: int | None = None,
        head_epochs: int | None = None,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        encoder_learning_rate: float | None = None,
        weight_decay: float = 1e-2,
        patience: int | None = None,
        clean: bool = False,
        descriptors: bool = True,
        networks: int | Literal["auto"] = "auto",
        descriptor_models: Sequence[str] = (
            "fingerprint-trees",
            "fingerprint-svr",
            "embedding-svr",
            "gaussian-process",
        ),
        embedding: str = EMBEDDING,
        weights: Literal["equal", "stacked"] = "stacked",
        target_transform: str | Sequence[str] = "none",
        validation_fraction: float = 0.0,
        on_bad: Literal["skip", "raise"] = "skip",
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
        device: str = "cpu",
        plugins: Sequence[str | Path] = (),
        verbose: bool = False,
    ) -> None:
        self.encoder = encoder
        self.encoder_options = encoder_options
        self.objective = objective
        self.objective_options = objective_options
        self.augmentation = augmentation
        self.views = views
        self.head_loss = head_loss
        self.head_hidden = head_hidden
        self.head_dropout = head_dropout
        self.freeze_encoder = freeze_encoder
        self.pretraining_epochs = pretraining_epochs
        self.epochs = epochs
        self.head_epochs = head_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.encoder_learning_rate = encoder_learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.clean = clean
        self.descriptors = descriptors
        self.networks = networks
        self.descriptor_models = descriptor_models
        self.embedding = embedding
        self.weights = weights
        self.target_transform = target_transform
        self.validation_fraction = validation_fraction
        self.on_bad = on_bad
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device
        self.plugins = plugins
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        censored: Any = None,
        validation: tuple[Any, Any] | None = None,
    ) -> MoleculeRegressor:
        """Train on N molecules.

        Args:
            X: N SMILES: a list, an array, a Series, or a frame of one column.
            y: (N,) or (N, t) measurements in their own units; NaN where missing. Texts such as
                ">100" and "<1" are bounds.
            sample_weight: (N,) of the rows in training, at least 0; None if all count alike. Rows
                of weight 0 are left out.
            censored: the shape of ``y``: 1 where the value is above the number, -1 where it is
                below, else 0; None where texts or nothing say so. A bound teaches where the value
                is not; it is in no error and calibrates no interval.
            validation: SMILES and measurements to hold out, none of a molecule of X; a share of X
                by default, ``validation_fraction``. Columns of a frame may be in another order.

        Raises:
            BadValueError: a setting, the SMILES or the measurements cannot be used.
        """
        plugins = load_plugins(self.plugins)
        settings = self._settings()
        if self.on_bad not in ("skip", "raise"):
            raise BadValueError(f"on_bad: expected 'skip' or 'raise', got {self.on_bad!r}")
        smiles, measured = samples_of(X, y, censored)
        given, count = measured.values.shape
        weights = None if sample_weight is None else weights_of(sample_weight, given)
        if validation is not None:
            held_smiles, held = samples_of(*validation, of="validation's ")
            if held.values.shape[1] != count:
                raise BadValueError(
                    f"validation: expected {count} targets as in y, got {held.values.shape[1]}"
                )
            held = held.in_order(validation[1], target_names(y, count), "validation's y")
            smiles, measured = smiles + held_smiles, measured.followed_by(held)
            if weights is not None:
                weights = np.concatenate([weights, np.ones(len(held_smiles))])
        targets = measured.values
        features = molecule_features(smiles, settings.featurizer_config, jobs=self._jobs())
        useless = np.isnan(targets).all(axis=1)
        if weights is not None:
            useless |= weights == 0
        usable = np.setdiff1d(features.good, np.flatnonzero(useless))
        if features.bad and self.on_bad == "raise":
            raise BadValueError(describe_bad_smiles(features.bad))
        warn_of_bad(features.bad, "left out of training")
        names = target_names(y, count)
        warn_of_each(like_classes(names, measured.exact), FewValuesWarning)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if validation is not None:
            train, held_out = usable[usable < given], usable[usable >= given]
            if not len(held_out):
                raise BadValueError(
                    "validation: expected a measurement of a SMILES that can be read, got none"
                )
        else:
            train, held_out = hold_out(features.canonical, usable, self.validation_fraction, seed)
        learned, others = ({features.canonical[row] for row in rows} for rows in (train, held_out))
        if both := learned & others:
            raise BadValueError(
                f"{len(both)} molecules are both in X and in validation, such as {min(both)!r}: "
                "what has been learned cannot be held out"
            )
        with training_bar(shown=self.verbose) as on_progress:
            trained = train_model(
                features,
                targets,
                train,
                held_out,
                settings,
                target_names=names,
                units=[""] * count,
                censored=measured.censored if measured.censored.any() else None,
                weights=weights,
                seed=seed,
                jobs=self._jobs(),
                device=self.device,
                on_progress=on_progress,
                plugins=plugins,
            )
        self.n_targets_ = count
        self._single = np.ndim(y) == 1
        self.model_ = replace(trained.model, column=not self._single)
        if settings.networks == "auto" and not self.model_.networks:
            warn_of_no_network(settings.without_effect())
        return self

    def predict(self, X: Any, return_interval: float | None = None) -> Any:
        """Predict N SMILES, in the targets' units; NaN, and a warning, where one is bad.

        Args:
            X: N SMILES.
            return_interval: a level in (0, 1), such as 0.9: return the ends of the prediction
                intervals too.

        Returns:
            (N,), or (N, t) where ``y`` had columns; with an interval three such arrays: the
            predictions, the lower and the upper ends. The ends are NaN, with a warning, if too few
            molecules calibrate that level.
        """
        check_is_fitted(self)
        predictions, bad = predict_smiles(self.model_, smiles_of(X), jobs=self._jobs())
        warn_of_bad(bad, "predicted as NaN")
        values = self._shaped(predictions.values)
        if return_interval is None:
            return values
        low, high = self.model_.interval(predictions, return_interval)
        warn_of_each(self.model_.interval_notes(return_interval), IntervalWarning)
        return values, self._shaped(low), self._shaped(high)

    def predict_frame(self, X: Any, level: float = 0.9) -> pd.DataFrame:
        """Return predictions of N SMILES and how far to trust them, one row a molecule.

        The index is that of X where it is a Series or a frame: identifiers, say.
        Columns: ``predicted_T``, ``low_T``, ``high_T`` (which cover a share ``level`` of the
        measurements) and ``spread_T`` for each target T, ``distance`` to the nearest training
        molecule (0 to 1), ``out_of_domain``, and ``problem``, the reason for no prediction.
        """
        check_is_fitted(self)
        smiles = smiles_of(X)
        predictions, bad = predict_smiles(self.model_, smiles, jobs=self._jobs())
        problems = [""] * len(smiles)
        for molecule in bad:
            problems[molecule.row] = molecule.reason
        frame = prediction_frame(self.model_, predictions, problems, level)
        if isinstance(X, pd.Series | pd.DataFrame):
            frame.index = X.index
        warn_of_each(self.model_.interval_notes(level), IntervalWarning)
        return frame

    def embed(self, X: Any) -> FloatArray:
        """Return the (N, d) embedding of N SMILES: those of the networks side by side.

        Of a model without networks, that of the pretrained encoder.

        NaN, and a warning, where a SMILES is bad.
        """
        check_is_fitted(self)
        embedding, bad = embed_smiles(self.model_, smiles_of(X), jobs=self._jobs())
        warn_of_bad(bad, "embedded as NaN")
        return embedding

    def explain(self, X: Any) -> list[Explanation]:
        """Return how much each atom of N SMILES contributes to its prediction.

        A contribution is the prediction minus the prediction with the atom masked, in the target's
        unit; see :func:`~rnc_graph.models.attribution.explain_features`. A molecule that cannot be
        read has none, and says why in ``problem``.
        """
        check_is_fitted(self)
        return explain_smiles(self.model_, smiles_of(X), self._jobs())

    def score(self, X: Any, y: Any, sample_weight: Any = None, censored: Any = None) -> float:
        """Return R² over the known measurements of readable SMILES, averaged over targets.

        Bounds do not count: see :meth:`fit`. Nor does a target without such a measurement.

        Raises:
            BadValueError: ``y`` has another shape than the predictions, columns of other names
                than the targets, or no such measurement.
        """
        measurements = Measurements.of(y, censored)
        predicted = Measurements.of(self.predict(X)).values
        if measurements.values.shape != predicted.shape:
            raise BadValueError(
                f"y: expected the shape of the predictions, {predicted.shape}, got "
                f"{measurements.values.shape}"
            )
        targets = measurements.in_order(y, self.model_.targets).exact
        given = None if sample_weight is None else weights_of(sample_weight, len(targets))
        scores = []
        for measured, values in zip(targets.T, predicted.T, strict=True):
            known = ~np.isnan(measured) & ~np.isnan(values)  # Not of SMILES that cannot be read.
            weights = None if given is None else given[known]
            if known.any():
                scores.append(r2_score(measured[known], values[known], sample_weight=weights))
        if not scores:
            raise BadValueError(
                "score: expected a measurement of a SMILES that can be read, got none"
            )
        return float(np.mean(scores))

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder as ``config.json`` and ``model.safetensors``.

        The card, split and figures of another model that ``rnc-graph train`` wrote there are
        removed.

        Raises:
            BadValueError: the encoder was passed as a module.
            OSError: the folder cannot be written to.
        """
        check_is_fitted(self)
        save_model(self.model_, folder)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        trusted: Collection[str] = (),
        plugins: Sequence[str | Path] = (),
        **options: Any,
    ) -> MoleculeRegressor:
        """Load a model that :meth:`save` or ``rnc-graph train`` wrote.

        Args:
            folder: the model's.
            trusted: modules or classes whose encoders may be imported; see ``load_model``.
            plugins: the Python files that it was trained with; no other file is run.
            options: arguments that are not part of a model, and that it does not keep: without them
                ``random_state``, ``validation_fraction``, ``on_bad``, ``n_jobs``, ``device`` and
                ``verbose`` have their defaults, which matters where the model is fitted again.
        """
        model = load_model(folder, trusted, plugins=plugins)
        regressor = cls(**{**model.settings.model_dump(), **options}, plugins=plugins)
        regressor.model_ = model
        regressor.n_targets_ = len(model.targets)
        regressor._single = regressor.n_targets_ == 1 and not model.column
        return regressor

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn: SMILES in, one or several targets out."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.target_tags.multi_output = True
        return tags

    def _settings(self) -> ModelSettings:
        given = {name: getattr(self, name) for name in ModelSettings.model_fields}
        # None is the default of these, and a value of others.
        unset = [n for n in ("objective_options", "augmentation") if given[n] is None]
        return make_settings(**{name: given[name] for name in given.keys() - unset})

    def _jobs(self) -> int:
        return int(effective_n_jobs(self.n_jobs))

    def _shaped(self, values: FloatArray) -> FloatArray:
        return values[:, 0] if self._single else values
