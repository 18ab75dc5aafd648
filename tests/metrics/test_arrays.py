import numpy as np
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.metrics import (
    alignment,
    detection,
    evaluate_representation,
    linear_probe,
    long_tail_metrics,
    mahalanobis_scores,
    nearest_neighbor_scores,
    nearest_neighbors,
    order_correlation,
    ordered_triplets,
    retrieval,
    uniformity,
)
from rnc_graph.metrics.arrays import checked, unit_rows

E, Y = np.arange(12.0).reshape(6, 2), np.arange(6.0)[:, None]
WIDE, SHORT, NAN = np.ones((6, 3)), np.ones((5, 2)), np.where(E == 5, np.nan, E)
ONE, FLAT = np.ones((1, 2)), np.ones(6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: linear_probe(E, Y, WIDE),
            r"embedding: found shape \(6, 3\), right is \(N >= 2, 2",
        ),
        (
            lambda: linear_probe(SHORT, Y, E),
            r"train_targets: found shape \(6, 1\), right is \(5, d",
        ),
        (lambda: linear_probe(NAN, Y, E), "train_embedding: found nan in row 2, right are finite"),
        (
            lambda: nearest_neighbors(E, Y, ONE),
            r"embedding: found shape \(1, 2\), right is \(N >=",
        ),
        (lambda: nearest_neighbors(E, FLAT, E), r"train_targets: found shape \(6,\)"),
        (lambda: nearest_neighbors(E, Y, E, k=0), "k: found 0, right is 1 neighbor"),
        (
            lambda: order_correlation(E, Y[:5]),
            r"labels: found shape \(5, 1\), right is \(6, d >= 1",
        ),
        (lambda: order_correlation(E, Y, limit=1), "limit: found 1"),
        (
            lambda: ordered_triplets(np.where(E > 8, -np.inf, E), Y),
            "embedding: found -inf in row 4",
        ),
        (lambda: alignment(E, WIDE), r"second: found shape \(6, 3\), right is \(6, 2\)"),
        (lambda: alignment(E, SHORT), r"second: found shape \(5, 2\), right is \(6, 2\)"),
        (lambda: alignment(E, E, exponent=0), "exponent: found 0"),
        (lambda: uniformity(ONE), "embedding"),
        (lambda: uniformity(np.ones((6, 0))), r"found shape \(6, 0\), right is \(N >= 2, d >= 1\)"),
        (lambda: uniformity(E, t=float("nan")), "t: found nan"),
        (lambda: retrieval(E, Y, E, WIDE), r"labels: found shape \(6, 3\), right is \(6, 1\)"),
        (lambda: retrieval(E, Y, E, Y, at=[1, 0]), "at: found 0"),
        (lambda: retrieval(E, Y, E, Y, tolerance=-0.1), "tolerance: found -0.1"),
        (lambda: nearest_neighbor_scores(E, WIDE), "embedding: found shape"),
        (lambda: nearest_neighbor_scores(E, E, k=-1), "k: found -1"),
        (lambda: mahalanobis_scores(ONE, E), r"train_embedding: found shape \(1, 2\)"),
        (lambda: detection(FLAT, E), r"outside: found shape \(6, 2\), right is \(N >= 2,\)"),
        (lambda: detection(FLAT[:1], FLAT), r"inside: found shape \(1,\)"),
        (
            lambda: long_tail_metrics(FLAT, FLAT[:4], FLAT, FLAT),
            r"predicted: found shape \(4,\), right is \(6,\)",
        ),
        (lambda: evaluate_representation(E, Y, E, Y, outside=WIDE), "outside: found shape"),
        (lambda: evaluate_representation(E, Y, E, Y, views=(E, SHORT)), "second: found shape"),
        (lambda: evaluate_representation(E, Y, E, np.hstack([Y, Y])), "labels: found shape"),
        (lambda: checked("x", np.array([["a"], ["b"]])), "x: found no array of real numbers"),
    ],
)
def test_bad_input_is_named_with_what_is_right(call, message):
    with pytest.raises(RncGraphError, match=message):
        call()


def test_float32_is_judged_in_float64():
    found = checked("x", np.ones((2, 3), dtype=np.float32))
    assert found.dtype == np.float64


def test_rows_of_unit_length_keep_their_direction():
    values = np.array([[1e-30, 0.0], [0.0, 0.0], [-3e15, 4e15]])
    np.testing.assert_allclose(unit_rows(values), [[1, 0], [0, 0], [-0.6, 0.8]])
