import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rnc_graph.metrics import neighbors
from rnc_graph.metrics.neighbors import distance_blocks, shares

TIED = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.integers(0, 3).map(float),
)


@given(TIED, st.integers(1, 9))
def test_shares_are_the_mean_of_the_k_nearest_over_all_orders_of_ties(distances, k):
    found = shares(distances, k)
    taken = min(k, distances.shape[1])
    for row, got in zip(distances, found, strict=True):
        reach = sorted(row)[taken - 1]
        below = sum(d < reach for d in row)
        at = sum(d == reach for d in row)
        expected = [1.0 if d < reach else (taken - below) / at if d == reach else 0.0 for d in row]
        np.testing.assert_allclose(got, expected)
    np.testing.assert_allclose(found.sum(axis=1), taken)


def test_blocks_cover_all_rows_once(monkeypatch):
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(11, 3)), rng.normal(size=(5, 3))
    monkeypatch.setattr(neighbors, "BLOCK_ENTRIES", 17)
    blocks = list(distance_blocks(queries, gallery))
    assert [len(distances) for _, distances in blocks] == [3, 3, 3, 2]
    found = np.full((11, 5), np.nan)
    for rows, distances in blocks:
        found[rows] = distances
    expected = np.sqrt(((queries[:, None] - gallery) ** 2).sum(axis=2))
    np.testing.assert_allclose(found, expected)
