"""The estimator as scikit-learn's users meet it."""

import pickle
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_info, threadpool_limits
from torch_geometric.nn.models import AttentiveFP

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.errors import BadValueError, RncGraphError
from rnc_graph.models import (
    BadMoleculeWarning,
    FewValuesWarning,
    IntervalWarning,
    ModelSettings,
    embed_smiles,
    evaluate_predictions,
    make_settings,
    predict_smiles,
    stream_features,
)
from rnc_graph.seeding import one_thread

SMALL: dict[str, Any] = {
    "encoder": "gin",
    "encoder_options": {"hidden_dim": 8, "layers": 1},
    "pretraining_epochs": 1,
    "epochs": 2,
    "networks": 1,
    "descriptor_models": [],
    "descriptors": False,
}


CHEAP: dict[str, Any] = {
    "networks": 0,
    "descriptors": False,
    "descriptor_models": ["fingerprint-svr"],
}


@pytest.fixture(scope="module")
def molecules(esol: MoleculeTable) -> tuple[list[str], np.ndarray]:
    return esol.smiles[:80], esol.targets[:80, 0]


def attentive_fp() -> AttentiveFP:
    return AttentiveFP(9, 8, 8, 3, num_layers=1, num_timesteps=1)


@pytest.mark.parametrize("given", ["module", "path"])
def test_any_pyg_model_as_the_encoder(given: str, molecules, tmp_path):
    """A module is trained from its weights; a path is saved with its options."""
    options: dict[str, Any] = {"encoder": attentive_fp(), "encoder_options": None}
    if given == "path":
        own = {"hidden_channels": 8, "num_layers": 1, "num_timesteps": 1}
        options = {"encoder": "torch_geometric.nn.models.AttentiveFP", "encoder_options": own}
    smiles, targets = molecules
    model = MoleculeRegressor(**{**SMALL, **options}).fit(smiles, targets)
    predicted = model.predict(smiles[:5])
    assert np.isfinite(predicted).all()
    assert model.embed(smiles[:5]).shape == (5, 8)
    if given == "module":
        with pytest.raises(RncGraphError, match="AttentiveFP: a model is saved with the name"):
            model.save(tmp_path / "model")
    else:
        model.save(tmp_path / "model")
        loaded = MoleculeRegressor.load(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict(smiles[:5]), predicted)


def test_the_defaults_are_those_of_the_settings():
    settings = ModelSettings()
    for name, value in MoleculeRegressor().get_params().items():
        if name in ("objective_options", "augmentation") or name.endswith("epochs"):
            assert value is None
        elif name in ModelSettings.model_fields:
            default = getattr(settings, name)
            assert (list(value) if isinstance(value, tuple) else value) == default, name


def test_a_pretrained_encoder_takes_fewer_epochs():
    def epochs(**given):
        settings = make_settings(**given)
        return settings.pretraining_epochs, settings.head_epochs, settings.epochs

    assert epochs() == epochs(epochs=None) == epochs(encoder="gin-moses-1m") == (5, 5, 15)
    assert epochs(encoder="gin") == (30, 0, 80)
    assert epochs(encoder="gin", head_epochs=3, epochs=4) == (30, 3, 4)
    assert epochs(freeze_encoder=True) == (30, 0, 80)


def test_the_shape_of_a_pretrained_encoder_is_fixed():
    assert make_settings(encoder_options={"dropout": 0.1}).encoder == "gin-moses"
    with pytest.raises(BadValueError, match=r"shape of the pretrained .* such as 'gin'"):
        make_settings(encoder_options={"hidden_dim": 16})


def test_an_embedding_that_there_is_not_is_told():
    with pytest.raises(BadValueError, match=r"embedding.*'moses'.*gin-moses-1m"):
        make_settings(embedding="moses")


class OnNumbers(MoleculeRegressor):
    """The estimator behind a map from rows of numbers to molecules: each feature is a chain.

    scikit-learn's checks are made for numbers, and skip an estimator that takes text.
    """

    def fit(self, X: Any, y: Any) -> "OnNumbers":
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        return super().fit(self._chains(X), y)

    def predict(self, X: Any, return_interval: float | None = None) -> Any:
        if hasattr(self, "n_features_in_"):
            X = self._chains(validate_data(self, X, reset=False))
        return super().predict(X, return_interval)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return super().score(X, y, sample_weight)

    @staticmethod
    def _chains(X: np.ndarray) -> list[str]:
        steps = np.floor(8 * X).astype(int) % 11
        return ["C" + "".join("O" + "C" * (1 + step) for step in row[:3]) for row in steps]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        tags.regressor_tags.poor_score = True
        return tags


@pytest.mark.slow
def test_scikit_learns_own_checks():
    quick = OnNumbers(**CHEAP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(quick, on_fail=None, on_skip=None)
    failed = {r["check_name"]: str(r["exception"]) for r in results if r["status"] == "failed"}
    assert not failed
    assert sum(result["status"] == "passed" for result in results) > 40


@pytest.mark.slow
def test_it_goes_through_pipelines_grids_and_folds(molecules):
    smiles, y = molecules
    upper = FunctionTransformer(lambda texts: [text.strip() for text in texts])
    pipeline = make_pipeline(upper, MoleculeRegressor(**CHEAP))
    predicted = cross_val_predict(pipeline, smiles, y, cv=3)
    assert np.corrcoef(predicted, y)[0, 1] > 0.5
    grid = GridSearchCV(
        MoleculeRegressor(**SMALL),
        {
            "objective_options": [{"temperature": 1.0}, {"temperature": 2.0}],
            "freeze_encoder": [False, True],
        },
        cv=2,
        scoring="neg_mean_absolute_error",
    ).fit(smiles, y)
    assert len(set(grid.cv_results_["mean_test_score"])) == 4
    assert set(grid.best_params_) == {"objective_options", "freeze_encoder"}


@pytest.mark.slow
def test_the_same_state_gives_the_same_bits_whatever_the_jobs(molecules):
    smiles, y = molecules
    model = MoleculeRegressor(**{**SMALL, "networks": 2})
    alone = model.fit(smiles, y).predict(smiles)
    parallel = clone(model).set_params(n_jobs=2).fit(smiles, y).predict(smiles)
    np.testing.assert_array_equal(alone, parallel)
    other = clone(model).set_params(random_state=1).fit(smiles, y).predict(smiles)
    assert (alone != other).any()


def test_one_thread_is_that_of_numpy_too():
    """Its products of large matrices differ in bits by the number of threads."""
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(300, 3000)), draw.normal(size=(3000, 3))
    found = []
    for number in (1, 2):
        with threadpool_limits(number), one_thread():
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
            found.append(a @ b)
    np.testing.assert_array_equal(*found)


def test_the_number_of_threads_changes_no_bit(molecules):
    """Neither of predictions nor of the scores that intervals are made of."""
    smiles, y = molecules
    threads, found = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            with threadpool_limits(number):
                model = MoleculeRegressor(**SMALL).fit(smiles, y)
                found.append((model.model_.intervals.scores, model.predict(smiles)))
    finally:
        torch.set_num_threads(threads)
    for alone, together in zip(*found, strict=True):
        np.testing.assert_array_equal(alone, together)


@pytest.mark.slow
def test_saved_loaded_and_pickled_models_predict_the_same_bits(molecules, tmp_path):
    smiles, y = molecules
    model = MoleculeRegressor(
        **{**SMALL, "descriptors": True, "descriptor_models": ["svr", "extra-trees"]}
    )
    model.fit(smiles, y)
    model.save(tmp_path / "model")
    loaded = MoleculeRegressor.load(tmp_path / "model")
    again = pickle.loads(pickle.dumps(model))
    for other in (loaded, again):
        for mine, theirs in zip(
            model.predict(smiles, return_interval=0.8),
            other.predict(smiles, return_interval=0.8),
            strict=True,
        ):
            np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(model.embed(smiles), other.embed(smiles))
    assert loaded.get_params()["encoder_options"] == SMALL["encoder_options"]


def test_several_targets_with_missing_values(molecules):
    smiles, y = molecules
    both = np.stack([y, np.where(np.arange(len(y)) % 2, np.nan, -10 * y)], axis=1)
    frame = pd.DataFrame(both, columns=["logS", "other"])
    model = MoleculeRegressor(**{**SMALL, "descriptors": True, "descriptor_models": ["svr"]})
    predicted, low, high = model.fit(smiles, frame).predict(smiles, return_interval=0.5)
    assert predicted.shape == low.shape == high.shape == (len(y), 2)
    assert np.isfinite(predicted).all()
    # Each in its own unit.
    assert np.corrcoef(predicted[:, 1], -10 * y)[0, 1] > 0.7
    assert predicted[:, 1].std() > 3 * predicted[:, 0].std()
    assert list(model.predict_frame(smiles[:2]).columns[:2]) == ["predicted_logS", "low_logS"]
    assert model.score(smiles, both) > 0.3


def test_a_level_that_too_few_molecules_calibrate_has_no_intervals(molecules):
    """Of 80 molecules 8 are held out, of which 5 calibrate: enough for 5 / 6."""
    smiles, y = molecules
    both = np.stack([y, y], axis=1)
    model = MoleculeRegressor(**CHEAP, validation_fraction=0.1).fit(smiles, both)
    values, low, high = model.predict(smiles[:3], return_interval=0.8)
    assert ((low < values) & (values < high)).all()
    with pytest.warns(IntervalWarning, match=r"target_0: no intervals at 0.9: 5 molecules .*83.3%"):
        predicted, low, high = model.predict(smiles[:3], return_interval=0.9)
    np.testing.assert_array_equal(predicted, values)
    assert np.isnan([low, high]).all()
    with pytest.warns(IntervalWarning, match="target_1"):
        frame = model.predict_frame(smiles[:3])
    assert frame.filter(regex="low|high").isna().all(axis=None)
    assert "inf" not in frame.to_csv()
    predictions, _ = predict_smiles(model.model_, smiles)
    evaluation = evaluate_predictions(model.model_, smiles, np.arange(80), both, predictions, 0.9)
    metrics = evaluation.metrics(1)
    assert np.isnan([metrics["coverage"], metrics["width"]]).all()
    assert metrics["mae"] < 1
    with pytest.raises(RncGraphError, match="between 0 and 1"):
        model.predict(smiles[:3], return_interval=1.0)


def test_bad_smiles_are_named_and_cost_nothing_else(molecules):
    smiles, y = molecules
    spoiled = [*smiles, "C(", None]
    model = MoleculeRegressor(**CHEAP)
    with pytest.warns(BadMoleculeWarning, match=r"2 SMILES .* row 80 .*'C\('.*left out"):
        model.fit(spoiled, [*y, 1.0, 2.0])
    with pytest.warns(BadMoleculeWarning, match="predicted as NaN"):
        predicted = model.predict(["CCO", "C(", "CCN"])
    np.testing.assert_array_equal(np.isnan(predicted), [False, True, False])
    frame = model.predict_frame(["CCO", ""])
    assert frame["problem"].tolist() == ["", "no SMILES"]
    # A repeated SMILES is computed once.
    often = ["CCO", None, "C(", "CCN", "CCO", "C(", None, "CCN"]
    (features, rows) = next(stream_features([often], model.model_, jobs=1))
    assert (features.graphs.packed.node_offsets.diff().tolist(), rows.tolist()) == (
        [3, 0, 0, 3],
        [0, 1, 2, 3, 0, 2, 1, 3],
    )
    with pytest.warns(BadMoleculeWarning, match=r"4 SMILES .* row 1 .*predicted as NaN"):
        again = model.predict(often)
    np.testing.assert_array_equal(again, predicted[[0, 1, 1, 2, 0, 1, 1, 2]])
    with pytest.raises(RncGraphError, match="2 SMILES cannot be read"):
        clone(model).set_params(on_bad="raise").fit(spoiled, [*y, 1.0, 2.0])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"encoder": "gni"},
            "unknown encoder 'gni'; known: gcn, gin, gin-moses, gin",
        ),
        (
            {"encoder": AttentiveFP},
            "encoder: expected its import path, .*AttentiveFP', or a module, got the class",
        ),
        ({"objective": "rcn"}, "unknown objective 'rcn'"),
        ({"objective_options": {"tau": 1}}, "option of objective 'rnc'"),
        ({"networks": 0, "descriptor_models": []}, "a model needs members"),
        ({"encoder": "gin", "objective": None, "freeze_encoder": True}, "freeze random weights"),
        (
            {"validation_fraction": 1.5},
            "validation_fraction: expected at least 0 .* got 1.5",
        ),
        ({"on_bad": "ignore"}, "on_bad: expected 'skip' or 'raise', got 'ignore'"),
        ({"device": "tpu9"}, "device 'tpu9'"),
    ],
)
def test_wrong_settings_are_told(molecules, options, reason):
    with pytest.raises(RncGraphError, match=reason):
        MoleculeRegressor(**options).fit(*molecules)


MANY = ["C" * length + "O" for length in range(1, 31)]


@pytest.mark.parametrize(
    ("X", "y", "reason"),
    [
        ("CCO", [1.0], "a list of SMILES"),
        ([1.0, 2.0], [1.0, 2.0], "X: expected N SMILES, got float"),
        ([], [], "X: expected N SMILES, got none"),
        (["CCO", "CC"], [1.0], "X has 2 molecules, y has 1 rows"),
        (["CCO"] * 9, [np.inf] * 9, "got infinity in row 0"),
        (["CCO"] * 9, ["high"] * 9, "y: expected numbers"),
        (MANY, pd.DataFrame([[1.0, 2.0]] * 30, columns=["a", "a"]), "different names .* 'a' twice"),
        (["CCO"] * 9, range(9), "at least 5 different molecules .* got 1"),
    ],
)
def test_wrong_data_is_told(X, y, reason):
    with pytest.raises(RncGraphError, match=reason):
        MoleculeRegressor(networks=0).fit(X, y)


def test_what_is_learned_cannot_be_held_out(molecules):
    smiles, y = molecules
    with pytest.raises(RncGraphError, match="both in X and in validation"):
        MoleculeRegressor(networks=0).fit(smiles, y, validation=(smiles[:20], y[:20]))


def test_a_validation_set_without_a_measurement_is_refused(molecules):
    with pytest.raises(RncGraphError, match="validation: expected a measurement of a SMILES"):
        MoleculeRegressor(**CHEAP).fit(*molecules, validation=(["CBr", "CI"], [np.nan] * 2))


@pytest.mark.slow
def test_it_overfits_a_few_molecules(molecules):
    smiles, y = molecules
    model = MoleculeRegressor(
        networks=1,
        descriptors=False,
        encoder="gin",
        encoder_options={"hidden_dim": 32, "layers": 3, "dropout": 0.0},
        head_dropout=0.0,
        objective=None,
        epochs=150,
        learning_rate=5e-3,
    )
    model.fit(smiles[:40], y[:40], validation=(smiles[40:50], y[40:50]))
    assert np.abs(model.predict(smiles[:40]) - y[:40]).mean() < 0.5 < y.std() / 3


def test_score_leaves_out_what_cannot_be_read(molecules):
    smiles, targets = molecules
    spoiled = ["C(", *smiles[1:]]
    model = MoleculeRegressor(**CHEAP).fit(smiles, targets)
    with pytest.warns(BadMoleculeWarning):
        assert model.score(spoiled, targets) == pytest.approx(model.score(smiles[1:], targets[1:]))
    with pytest.warns(BadMoleculeWarning):
        scores = cross_val_score(MoleculeRegressor(**CHEAP), spoiled, targets, cv=3)
    assert np.isfinite(scores).all()


def test_score_is_of_the_targets_that_are_measured(molecules):
    smiles, y = molecules
    both = np.stack([y, -y], axis=1)
    model = MoleculeRegressor(**CHEAP).fit(smiles, both)
    one = np.stack([y, np.full(len(y), np.nan)], axis=1)
    assert model.score(smiles, one) == pytest.approx(r2_score(y, model.predict(smiles)[:, 0]))
    with pytest.raises(BadValueError, match=r"y: expected the shape .*\(80, 2\), got \(80, 1\)"):
        model.score(smiles, y)
    with pytest.raises(BadValueError, match=r"sample_weight: expected shape \(80,\), got \(1,\)"):
        model.score(smiles, both, sample_weight=[1.0])
    with (
        pytest.warns(BadMoleculeWarning),
        pytest.raises(BadValueError, match="score: expected a measurement of a SMILES"),
    ):
        model.score(["C("], both[:1])


def test_no_smiles_have_no_predictions_and_no_embedding(molecules):
    model = MoleculeRegressor(**SMALL | {"descriptor_models": ["fingerprint-svr"]}).fit(*molecules)
    predictions, bad = predict_smiles(model.model_, [])
    assert (predictions.values.shape, predictions.distance.shape, bad) == ((0, 1), (0,), [])
    embedding, bad = embed_smiles(model.model_, [])
    assert (embedding.shape, bad) == ((0, model.embed(["C"]).shape[1]), [])


def test_one_column_stays_one_column_in_a_saved_model(molecules, tmp_path):
    smiles, targets = molecules
    model = MoleculeRegressor(**CHEAP).fit(smiles, np.reshape(targets, (-1, 1)))
    model.save(tmp_path)
    assert MoleculeRegressor.load(tmp_path).predict(smiles[:3]).shape == (3, 1)
    assert model.predict(smiles[:3]).shape == (3, 1)


def test_masked_measurements_are_missing(molecules):
    smiles, targets = molecules
    masked = np.ma.masked_array(targets, mask=[row % 2 for row in range(len(targets))])
    unknown = np.where(masked.mask, np.nan, targets)
    found, expected = (
        MoleculeRegressor(**CHEAP).fit(smiles, y).predict(smiles) for y in (masked, unknown)
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda y: y * 0 + 2, "expected different values in the training set, got 2 for all"),
        (lambda y: np.stack([y, y * 0], axis=1), "'target_1': expected different values"),
        (lambda y: y * np.nan, "different molecules with a measurement"),
        (lambda y: y * 1e-200, "give it another unit"),
        (lambda y: y * 1e200, "give it another unit"),
    ],
)
def test_targets_that_cannot_be_learned_are_told(molecules, change, reason):
    smiles, targets = molecules
    with pytest.raises(RncGraphError, match=reason):
        MoleculeRegressor(networks=0).fit(smiles, change(np.asarray(targets)))


def test_settings_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    ModelSettings()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["epochs", "networks", "learning_rate", "head_dropout"])
def test_true_is_no_number(name: str) -> None:
    with pytest.raises(BadValueError, match=f"{name}: expected a number, got true"):
        make_settings(**{name: True})
    with pytest.raises(BadValueError, match="layers: expected at most 100, got 1000"):
        make_settings(encoder="gin", encoder_options={"layers": 1000})


def test_a_bar_of_the_training_is_drawn_for_who_wants_it(capsys: pytest.CaptureFixture[str]):
    chains = ["C" * length + "O" for length in range(1, 13)]
    quick = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    for verbose in (False, True):
        MoleculeRegressor(**quick, verbose=verbose).fit(chains, range(12))
        assert ("100%" in capsys.readouterr().out) == verbose


def test_columns_of_a_frame_are_taken_by_their_names(
    molecules: tuple[list[str], np.ndarray],
) -> None:
    smiles, y = molecules
    frame = pd.DataFrame({"logS": y, "mp": 100 + 20 * y**2})
    first, held = slice(50), slice(50, None)
    ends, scores = [], []
    for columns in (["logS", "mp"], ["mp", "logS"]):
        other = frame[held][columns]
        model = MoleculeRegressor(**CHEAP, weights="equal")
        model.fit(smiles[first], frame[first], validation=(smiles[held], other))
        ends.append(model.predict(smiles[:3], return_interval=0.8)[1])
        scores.append(model.score(smiles[held], other))
    np.testing.assert_array_equal(*ends)
    assert scores[0] == scores[1]
    renamed = frame[held].rename(columns={"mp": "bp"})
    with pytest.raises(BadValueError, match="y: expected the columns logS, mp, got logS, bp"):
        model.score(smiles[held], renamed)
    with pytest.raises(BadValueError, match="validation's y: expected the columns logS, mp"):
        model.fit(smiles[first], frame[first], validation=(smiles[held], renamed))
    unnamed = MoleculeRegressor(**CHEAP).fit(smiles, frame.to_numpy())
    assert unnamed.score(smiles, frame) == unnamed.score(smiles, frame.to_numpy())


def test_classes_are_warned_of(molecules: tuple[list[str], np.ndarray]) -> None:
    smiles, y = molecules
    with pytest.warns(FewValuesWarning, match="target 'target' has two values, 0 and 1"):
        MoleculeRegressor(**CHEAP).fit(smiles, np.where(y > -3, 1, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", FewValuesWarning)
        MoleculeRegressor(**CHEAP).fit(smiles, y)


def test_what_is_loaded_inside_computes_on_one_thread_too():
    code = (
        "from rnc_graph.seeding import one_thread\n"
        "from threadpoolctl import threadpool_info\n"
        "with one_thread():\n"
        "    import scipy.linalg\n"
        "    with one_thread():\n"
        "        print({pool['num_threads'] for pool in threadpool_info()})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["{1}"]


def test_any_thread_limits_blas_and_gives_its_threads_back():
    """Of threads that are alive, threadpoolctl 3.8 lets only the first one limit OpenBLAS."""

    def of_blas() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    def limited_by_itself() -> None:
        with threadpool_limits(1):
            assert of_blas() == {1}
        assert of_blas() == before

    def first() -> None:
        with one_thread():
            entered.set()
            other_entered.wait()

    before, entered, other_entered = of_blas(), Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(first)
        entered.wait()
        with one_thread():
            other_entered.set()
            leaving.result()
            assert of_blas() == {1}
        assert of_blas() == before
        # The first thread is still alive, and neither keeps BLAS from the other one.
        with one_thread():
            assert of_blas() == {1}
        assert of_blas() == before
        pool.submit(limited_by_itself).result()
        limited_by_itself()


def test_threads_that_predict_leave_the_number_of_threads_as_it_was():
    before = [(pool["internal_api"], pool["num_threads"]) for pool in threadpool_info()]
    inside: list[set[int]] = []

    def compute(wait: float) -> None:
        for _ in range(20):
            with one_thread():
                time.sleep(wait)
                inside.append({pool["num_threads"] for pool in threadpool_info()})

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(compute, 0.001 * number) for number in range(4)]:
            future.result()
    assert inside == [{1}] * 80
    assert [(pool["internal_api"], pool["num_threads"]) for pool in threadpool_info()] == before


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_a_molecule_that_is_missing_has_no_prediction_alone_either(molecules, missing):
    model = MoleculeRegressor(networks=0, descriptor_models=["extra-trees"]).fit(*molecules)
    for given in ([missing], [missing, "CCO"]):
        found = model.predict(given)
        assert np.isnan(found[0])
        assert np.isfinite(found[1:]).all()
    with pytest.raises(BadValueError, match="X: expected N SMILES, got none"):
        model.predict([])
