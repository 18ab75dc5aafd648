import numpy as np
import pytest

from rnc_graph.metrics import linear_probe, nearest_neighbors
from rnc_graph.metrics.probes import STRENGTHS


def _ridge(x, y, strength):
    """Weights and offset of centerd ridge, by its normal equations."""
    mean = x.mean(axis=0)
    gram = (x - mean).T @ (x - mean) + strength * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, (x - mean).T @ (y - y.mean()))
    return weights, y.mean() - mean @ weights


def test_linear_probe_is_ridge_with_the_strength_of_least_leave_one_out_error():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(20, 4)) * [1, 10, 0.1, 3] + 5, rng.normal(size=(7, 4)) + 5
    # One target that wants a weak ridge, one that is noise and wants a strong one.
    targets = np.stack([train @ [1, 0.2, -9, 0.1], rng.normal(size=20)], axis=1)
    x = (train - train.mean(axis=0)) / train.std(axis=0)
    x_test = (test - train.mean(axis=0)) / train.std(axis=0)
    expected, chosen = [], []
    for y in targets.T:
        losses = []
        for strength in STRENGTHS:
            squares = []
            for i in range(20):
                keep = np.arange(20) != i
                weights, offset = _ridge(x[keep], y[keep], strength)
                squares.append((x[i] @ weights + offset - y[i]) ** 2)
            losses.append(np.mean(squares))
        chosen.append(STRENGTHS[np.argmin(losses)])
        weights, offset = _ridge(x, y, chosen[-1])
        expected.append(x_test @ weights + offset)
    assert chosen[0] < chosen[1], "else this test tells nothing about a strength a target"
    np.testing.assert_allclose(linear_probe(train, targets, test), np.transpose(expected))


def test_linear_probe_does_not_see_the_scale_of_a_feature():
    rng = np.random.default_rng(1)
    train, targets, test = (rng.normal(size=shape) for shape in ((30, 5), (30, 1), (4, 5)))
    scale, shift = [1e-3, 1, 7, 1e4, -2], [3, 0, -1, 8, 100]
    np.testing.assert_allclose(
        linear_probe(train * scale + shift, targets, test * scale + shift),
        linear_probe(train, targets, test),
        rtol=1e-6,
    )


@pytest.mark.parametrize("rows", [2, 3, 40])
@pytest.mark.parametrize("targets", [1, 2])
def test_probes_have_the_targets_shape_for_few_and_many_rows(rows, targets):
    rng = np.random.default_rng(2)
    train, y, test = (rng.normal(size=shape) for shape in ((rows, 8), (rows, targets), (3, 8)))
    for predict in (linear_probe, nearest_neighbors):
        predicted = predict(train, y, test)
        assert predicted.shape == (3, targets)
        assert np.isfinite(predicted).all()
        np.testing.assert_array_equal(predicted, predict(train, y, test))


@pytest.mark.parametrize("predict", [linear_probe, nearest_neighbors])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_embedding_predicts_the_mean(predict, value):
    targets = np.array([[1.0], [2.0], [6.0]])
    predicted = predict(np.full((3, 4), value), targets, np.full((2, 4), value))
    np.testing.assert_allclose(predicted, [[3.0], [3.0]])


@pytest.mark.parametrize("k", [1, 3, 5, 200])
def test_nearest_neighbors_against_loops(k):
    rng = np.random.default_rng(3)
    train, targets, test = (rng.normal(size=shape) for shape in ((30, 6), (30, 2), (9, 6)))
    expected = []
    for query in test:
        distances = [
            sum((a - b) ** 2 for a, b in zip(query, row, strict=True)) ** 0.5 for row in train
        ]
        nearest = sorted(range(30), key=distances.__getitem__)[:k]
        weights = [1 / distances[i] for i in nearest]
        expected.append(sum(w * targets[i] for w, i in zip(weights, nearest, strict=True)))
        expected[-1] /= sum(weights)
    np.testing.assert_allclose(nearest_neighbors(train, targets, test, k=k), expected)


def test_neighbors_at_distance_0_alone_count():
    train = np.array([[0.0], [0.0], [1e-9], [1.0]])
    targets = np.array([[2.0], [4.0], [100.0], [100.0]])
    assert nearest_neighbors(train, targets, np.zeros((2, 1)), k=3).tolist() == [[3.0], [3.0]]


def test_neighbors_that_tie_share_the_last_place():
    train, targets = np.array([[1.0], [-1.0], [0.5]]), np.array([[4.0], [8.0], [0.0]])
    # Weights: 1 / 0.5 for the nearest, half of 1 / 1 for each of the two at distance 1.
    found = nearest_neighbors(train, targets, np.zeros((2, 1)), k=2)
    np.testing.assert_allclose(found, (0.5 * 4 + 0.5 * 8) / 3)
    found = nearest_neighbors(train[[1, 2, 0]], targets[[1, 2, 0]], np.zeros((2, 1)), k=2)
    np.testing.assert_allclose(found, 2.0)
