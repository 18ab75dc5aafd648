import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rnc_graph.data import MoleculeTable, SplitRecipe, TargetScaler
from rnc_graph.errors import RncGraphError

VALUES = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=20),
    elements=st.integers(-9999, 9999).map(lambda i: i / 100),
)


@given(VALUES)
def test_the_training_part_gets_mean_0_and_deviation_1(values: np.ndarray) -> None:
    scaler = TargetScaler.fit(values)
    standardized = scaler.standardize(values)
    np.testing.assert_allclose(standardized.mean(axis=0), 0, atol=1e-9)
    constant = (values == values[0]).all(axis=0)
    np.testing.assert_allclose(standardized.std(axis=0), np.where(constant, 0, 1), atol=1e-9)
    assert (scaler.sd[constant] == 1).all()
    np.testing.assert_allclose(scaler.restore(standardized), values, atol=1e-9)


def test_each_target_has_its_own_scale() -> None:
    scaler = TargetScaler.fit(np.array([[0.0, 10.0], [2.0, 50.0]]))
    assert scaler.mean.tolist() == [1.0, 30.0]
    assert scaler.sd.tolist() == [1.0, 20.0]
    assert scaler.standardize(np.array([[3.0, 70.0]])).tolist() == [[2.0, 2.0]]
    assert scaler.restore(np.array([[2.0, 2.0]])).tolist() == [[3.0, 70.0]]


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_a_constant_target_is_only_shifted(rows: int) -> None:
    # The deviation of three times 0.1 rounds to more than 0.
    scaler = TargetScaler.fit(np.full((rows, 1), 0.1))
    assert scaler.sd.tolist() == [1.0]
    assert scaler.standardize(np.array([[0.3]])) == pytest.approx(0.2)


def test_a_split_is_scaled_by_its_training_part_alone(esol: MoleculeTable) -> None:
    split = SplitRecipe().split(esol, 3)
    training = esol.targets[split.train.numpy()]
    assert split.scaler.mean == pytest.approx(training.mean(axis=0), rel=1e-12)
    assert split.scaler.sd == pytest.approx(training.std(axis=0), rel=1e-12)
    assert split.scaler.mean != pytest.approx(esol.targets.mean(axis=0), rel=1e-6)
    restored = split.scaler.restore(split.targets.double().numpy())
    np.testing.assert_allclose(restored, esol.targets, atol=1e-5)


def test_each_target_is_scaled_by_what_is_known_of_it() -> None:
    nan = np.nan
    scaler = TargetScaler.fit(np.array([[0.0, nan, 7.0], [2.0, 10.0, nan], [nan, 50.0, 7.0]]))
    assert scaler.mean.tolist() == [1.0, 30.0, 7.0]
    assert scaler.sd.tolist() == [1.0, 20.0, 1.0]
    np.testing.assert_array_equal(
        scaler.standardize(np.array([[3.0, nan, 8.0]])), np.array([[2.0, nan, 1.0]])
    )


def test_logarithms_are_standardized_and_restored() -> None:
    values = np.array([[0.1, 3.0], [10.0, np.nan], [1000.0, -5.0]])
    scaler = TargetScaler.fit(values, transforms=["log10", "none"])
    assert scaler.mean == pytest.approx([1.0, -1.0])
    np.testing.assert_allclose(scaler.restore(scaler.standardize(values)), values, rtol=1e-12)
    assert scaler.standardize(values)[1, 0] == pytest.approx(0.0)
    assert np.isnan(scaler.transform(np.array([[0.0, 0.0]]))).tolist() == [[True, False]]


def test_a_target_without_any_value_is_named() -> None:
    targets = np.array([[0.0, np.nan], [2.0, np.nan]])
    with pytest.raises(RncGraphError, match="target 1: none of the 2 molecules of the training"):
        TargetScaler.fit(targets)
    with pytest.raises(RncGraphError, match="target 'logP': none of the 2 molecules"):
        TargetScaler.fit(targets, ["logS", "logP"])
