import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from sklearn.covariance import ledoit_wolf

from rnc_graph.errors import RncGraphError
from rnc_graph.metrics import (
    Detection,
    detection,
    mahalanobis_scores,
    nearest_neighbor_scores,
    neighbors,
)
from rnc_graph.metrics.neighbors import unit_distance_blocks

RNG = np.random.default_rng(0)
TRAIN, QUERIES = RNG.normal(size=(30, 4)) * [1, 2, 5, 0.3] + 1, RNG.normal(size=(8, 4))
SCORES = st.lists(st.integers(0, 8).map(float), min_size=2, max_size=45)


@pytest.mark.parametrize("k", [1, 10, 30, 99])
def test_neighbor_scores_against_loops(k):
    def unit(row):
        return row / math.hypot(*row)

    expected = [sorted(math.dist(unit(q), unit(t)) for t in TRAIN)[min(k, 30) - 1] for q in QUERIES]
    np.testing.assert_allclose(nearest_neighbor_scores(TRAIN, QUERIES, k=k), expected)
    scaled = nearest_neighbor_scores(TRAIN, QUERIES * RNG.uniform(0.1, 9, size=(8, 1)), k=k)
    np.testing.assert_allclose(scaled, expected)


def test_mahalanobis_scores_against_their_definition():
    covariance, shrinkage = ledoit_wolf(TRAIN)
    assert 0 < shrinkage < 1
    inverse, mean = np.linalg.inv(covariance), TRAIN.mean(axis=0)
    expected = [math.sqrt((q - mean) @ inverse @ (q - mean)) for q in QUERIES]
    np.testing.assert_allclose(mahalanobis_scores(TRAIN, QUERIES), expected)


def test_mahalanobis_scores_ignore_rotation_shift_and_scale():
    turn = ortho_group(4, seed=0).rvs() * 70
    found = mahalanobis_scores(TRAIN @ turn - 9, QUERIES @ turn - 9)
    np.testing.assert_allclose(found, mahalanobis_scores(TRAIN, QUERIES))


def test_fewer_molecules_than_features_are_enough():
    rng = np.random.default_rng(1)
    train, far = rng.normal(size=(5, 40)), 50 + rng.normal(size=(5, 40))
    assert mahalanobis_scores(train, far).min() > mahalanobis_scores(train, train).max()


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_collapsed_training_part_scores_by_the_plain_distance(value):
    train = np.full((7, 2), value)
    queries = np.array([[value, value], [value + 3, value + 4]])
    np.testing.assert_allclose(mahalanobis_scores(train, queries), [0, 5])
    assert nearest_neighbor_scores(train, train).tolist() == [0.0] * 7


def _detection_by_loops(inside, outside):
    wins = sum((o > i) + (o == i) / 2 for o in outside for i in inside)
    thresholds = [s for s in inside if 100 * sum(i <= s for i in inside) >= 95 * len(inside)]
    accepted = sum(o <= min(thresholds) for o in outside)
    return wins / (len(inside) * len(outside)), accepted / len(outside)


@pytest.mark.slow
@given(SCORES, SCORES)
def test_detection_against_loops_with_ties(inside, outside):
    found = detection(np.array(inside), np.array(outside))
    assert (found.auroc, found.fpr95) == pytest.approx(_detection_by_loops(inside, outside))


@pytest.mark.parametrize("rows", [19, 20, 21, 40, 60, 100, 101])
def test_the_threshold_accepts_95_percent_of_the_inside_and_no_more_than_needed(rows):
    inside = np.random.default_rng(rows).permutation(rows) + 0.0
    needed = -(-95 * rows // 100)
    # Outside scores halfway between: as many lie below the threshold as inside ones, less one.
    found = detection(inside, np.arange(rows) + 0.5)
    assert found.fpr95 == pytest.approx((needed - 1) / rows)


def test_detection_at_its_ends():
    low, high = np.arange(20.0), np.arange(20.0) + 100
    assert detection(low, high) == Detection(1.0, 0.0)
    assert detection(high, low) == Detection(0.0, 1.0)
    assert detection(np.ones(5), np.ones(9)) == Detection(0.5, 1.0)


def test_mahalanobis_scores_of_classes_against_their_definition():
    classes = np.arange(30) % 3 * 2
    train = TRAIN + 9.0 * np.eye(4)[classes % 4]
    means = {c: train[classes == c].mean(axis=0) for c in (0, 2, 4)}
    residuals = np.array([row - means[c] for row, c in zip(train, classes, strict=True)])
    inverse = np.linalg.inv(ledoit_wolf(residuals, assume_centered=True)[0])
    expected = [
        min(math.sqrt((q - mean) @ inverse @ (q - mean)) for mean in means.values())
        for q in QUERIES
    ]
    np.testing.assert_allclose(mahalanobis_scores(train, QUERIES, classes), expected)
    one = mahalanobis_scores(train, QUERIES, np.zeros(30))
    np.testing.assert_allclose(one, mahalanobis_scores(train, QUERIES), rtol=1e-6)


def test_collapsed_classes_score_by_the_plain_distance():
    train = np.repeat([[0.1, 0.2], [5.1, 0.2]], 4, axis=0)
    queries = np.array([[3.1, 4.2], [5.1, 1.2]])
    found = mahalanobis_scores(train, queries, np.repeat([0, 1], 4))
    np.testing.assert_allclose(found, [20**0.5, 1])
    with pytest.raises(RncGraphError, match=r"train_classes: expected shape \(8,\), got \(3,\)"):
        mahalanobis_scores(train, queries, np.zeros(3))


@pytest.mark.parametrize("block", [1 << 22, 100])
def test_distances_by_products_are_those_of_unit_rows(block, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK_ENTRIES", block)
    queries, train = np.vstack([QUERIES, np.zeros(4)]), np.vstack([TRAIN, np.zeros(4), QUERIES[:1]])
    fast = nearest_neighbor_scores(train, queries, k=3, blocks=unit_distance_blocks)
    np.testing.assert_allclose(fast, nearest_neighbor_scores(train, queries, k=3), atol=1e-9)
    nearest = nearest_neighbor_scores(train, queries[[0, 8]], k=1, blocks=unit_distance_blocks)
    assert nearest.tolist() == [0.0, 0.0]
