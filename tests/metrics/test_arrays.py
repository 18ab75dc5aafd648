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
        (lambda: linear_probe(E, Y, WIDE), r"embedding: .* got \(6, 3\)"),
        (lambda: linear_probe(SHORT, Y, E), r"train_targets: .* got \(6, 1\)"),
        (lambda: linear_probe(NAN, Y, E), r"train_embedding: .* got nan in row 2"),
        (lambda: nearest_neighbors(E, Y, ONE), r"embedding: .* got \(1, 2\)"),
        (lambda: nearest_neighbors(E, FLAT, E), r"train_targets: .* got \(6,\)"),
        (lambda: nearest_neighbors(E, Y, E, k=0), r"k: .* got 0"),
        (lambda: order_correlation(E, Y[:5]), r"labels: .* got \(5, 1\)"),
        (lambda: order_correlation(E, Y, limit=1), r"limit: .* got 1"),
        (
            lambda: ordered_triplets(np.where(E > 8, -np.inf, E), Y),
            r"embedding: .* got -inf in row 4",
        ),
        (lambda: alignment(E, WIDE), r"second: expected shape \(6, 2\), got \(6, 3\)"),
        (lambda: alignment(E, SHORT), r"second: expected shape \(6, 2\), got \(5, 2\)"),
        (lambda: alignment(E, E, exponent=0), r"exponent: .* got 0"),
        (lambda: uniformity(ONE), "embedding"),
        (lambda: uniformity(np.ones((6, 0))), r"expected shape \(N >= 2, d >= 1\), got \(6, 0\)"),
        (lambda: uniformity(E, t=float("nan")), r"t: .* got nan"),
        (lambda: retrieval(E, Y, E, WIDE), r"labels: expected shape \(6, 1\), got \(6, 3\)"),
        (lambda: retrieval(E, Y, E, Y, at=[1, 0]), r"at: .* got 0"),
        (lambda: retrieval(E, Y, E, Y, tolerance=-0.1), r"tolerance: .* got -0.1"),
        (lambda: nearest_neighbor_scores(E, WIDE), r"embedding: expected shape"),
        (lambda: nearest_neighbor_scores(E, E, k=-1), r"k: .* got -1"),
        (lambda: mahalanobis_scores(ONE, E), r"train_embedding: .* got \(1, 2\)"),
        (lambda: detection(FLAT, E), r"ood: expected shape \(N >= 2,\), got \(6, 2\)"),
        (lambda: detection(FLAT[:1], FLAT), r"in_distribution: .* got \(1,\)"),
        (
            lambda: long_tail_metrics(FLAT, FLAT[:4], FLAT, FLAT),
            r"y_pred: expected shape \(6,\), got \(4,\)",
        ),
        (lambda: evaluate_representation(E, Y, E, Y, ood=WIDE), "ood: expected shape"),
        (lambda: evaluate_representation(E, Y, E, Y, views=(E, SHORT)), r"second: expected shape"),
        (lambda: evaluate_representation(E, Y, E, np.hstack([Y, Y])), r"labels: expected shape"),
        (lambda: checked("x", np.array([["a"], ["b"]])), r"x: expected an array of real numbers"),
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
