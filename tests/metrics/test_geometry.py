import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ortho_group

from rnc_graph.metrics import alignment, order_correlation, ordered_triplets, uniformity

ORDERS = (order_correlation, ordered_triplets)


@st.composite
def _tied(draw):
    """Whole numbers on a line each, so that distances are exact and many tie."""
    rows = draw(st.integers(2, 9))
    return tuple(
        draw(arrays(np.float64, (rows, 1), elements=st.integers(-3, 3).map(float)))
        for _ in range(2)
    )


def _normal(seed, rows=15):
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=(rows, 4))
    return embedding, embedding[:, :2] + 0.3 * rng.normal(size=(rows, 2))


def _distances(embedding, labels):
    rows = range(len(labels))
    apart = [[math.dist(embedding[i], embedding[j]) for j in rows] for i in rows]
    labels_apart = [[float(np.abs(labels[i] - labels[j]).sum()) for j in rows] for i in rows]
    return apart, labels_apart


def _ranks(values):
    return [sum(v < u for v in values) + sum(v == u for v in values) / 2 for u in values]


def _spearman_by_loops(embedding, labels):
    pairs = list(combinations(range(len(labels)), 2))
    ranks = [_ranks([d[i][j] for i, j in pairs]) for d in _distances(embedding, labels)]
    if any(len(set(r)) == 1 for r in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _triplets_by_loops(embedding, labels):
    apart, labels_apart = _distances(embedding, labels)
    right = total = 0.0
    for i, j, k in permutations(range(len(labels)), 3):
        if labels_apart[i][j] < labels_apart[i][k]:
            total += 1
            right += (apart[i][j] < apart[i][k]) + (apart[i][j] == apart[i][k]) / 2
    return right / total if total else 0.5


@pytest.mark.filterwarnings("error")
@given(_tied())
def test_orders_against_loops_with_ties(both):
    assert order_correlation(*both) == pytest.approx(_spearman_by_loops(*both), abs=1e-12)
    assert ordered_triplets(*both) == pytest.approx(_triplets_by_loops(*both), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_orders_against_loops_in_more_dimensions(seed):
    both = _normal(seed)
    assert order_correlation(*both) == pytest.approx(_spearman_by_loops(*both), abs=1e-12)
    assert ordered_triplets(*both) == pytest.approx(_triplets_by_loops(*both), abs=1e-12)
    assert _triplets_by_loops(*both) > 0.55, "far enough from chance to tell"


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=20)
@given(seed=st.integers(0, 99), scale=st.sampled_from([1e-6, 0.3, 1e6]))
def test_orders_ignore_rotation_shift_scale_and_permutation(order, seed, scale):
    embedding, labels = _normal(seed)
    expected = pytest.approx(order(embedding, labels), abs=1e-12)
    turned = scale * (embedding @ ortho_group(4, seed=seed).rvs() + 3)
    assert order(turned, labels) == expected
    assert order(embedding, 5 - scale * labels) == expected
    rows = np.random.default_rng(seed).permutation(len(labels))
    assert order(embedding[rows], labels[rows]) == expected


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_embedding_like_its_labels_is_in_perfect_order_in_spite_of_rounding(dtype):
    labels = (np.arange(20)[:, None] / 10).astype(dtype)
    embedding = np.arange(20)[:, None] * 3 + 7.0
    assert order_correlation(embedding, labels) == pytest.approx(1)
    assert ordered_triplets(embedding, labels) == 1
    assert ordered_triplets(labels, embedding) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [2, 3, 10])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_side_has_no_order(rows, value):
    constant, other = np.full((rows, 3), value), np.arange(float(rows))[:, None]
    for both in ((constant, other), (other, constant), (constant, constant)):
        assert order_correlation(*both) == 0.0
        assert ordered_triplets(*both) == 0.5


@pytest.mark.parametrize("order", ORDERS)
def test_above_the_limit_a_subset_stands_for_all(order):
    embedding, labels = _normal(0, rows=120)
    whole = order(embedding, labels)
    assert order(embedding, labels, limit=120, seed=5) == whole
    by_seed = [order(embedding, labels, limit=60, seed=seed) for seed in range(30)]
    assert by_seed[0] == order(embedding, labels, limit=60, seed=0)
    assert len(set(by_seed)) == 30
    assert np.mean(by_seed) == pytest.approx(whole, abs=0.02)


def test_alignment_and_uniformity_against_loops():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    u, v = ([row / math.hypot(*row) for row in views] for views in (first, second))
    apart = [math.dist(a, b) for a, b in zip(u, v, strict=True)]
    assert alignment(first, second) == pytest.approx(sum(d**2 for d in apart) / 6)
    assert alignment(first, second, exponent=1) == pytest.approx(sum(apart) / 6)
    for t in (2, 0.5):
        potentials = [math.exp(-t * math.dist(a, b) ** 2) for a, b in combinations(u, 2)]
        assert uniformity(first, t) == pytest.approx(math.log(sum(potentials) / 15))
    lengths = rng.uniform(0.1, 9, size=(6, 1))
    assert alignment(first * lengths, second / lengths) == pytest.approx(alignment(first, second))
    assert uniformity(first * lengths) == pytest.approx(uniformity(first))


def test_alignment_and_uniformity_at_their_ends():
    east, west = np.array([[1.0, 0.0]] * 3), np.array([[-2.0, 0.0]] * 3)
    assert alignment(east, 7 * east) == 0
    assert alignment(east, west) == pytest.approx(4)
    assert uniformity(east) == 0
    assert uniformity(np.zeros((4, 2))) == 0
    assert uniformity(np.vstack([east[:1], west[:1]]), t=1000) == pytest.approx(-4000)


def test_uniformity_of_a_subset():
    embedding = np.random.default_rng(0).normal(size=(300, 3))
    assert uniformity(embedding, limit=300, seed=1) == uniformity(embedding)
    part = uniformity(embedding, limit=150, seed=1)
    assert part != uniformity(embedding)
    assert part == pytest.approx(uniformity(embedding), abs=0.05)
