import math

import numpy as np
import pytest

from rnc_graph.metrics import Retrieval, neighbors, retrieval


def _by_loops(gallery, gallery_labels, queries, labels, k, tolerance):
    hits, errors = [], []
    for query, label in zip(queries, labels, strict=True):
        order = sorted(range(len(gallery)), key=lambda i: math.dist(query, gallery[i]))
        apart = [float(np.abs(gallery_labels[i] - label).sum()) for i in order[:k]]
        hits.append(sum(d <= tolerance for d in apart) / len(apart))
        errors.append(sum(apart) / len(apart))
    return sum(hits) / len(hits), sum(errors) / len(errors)


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("block", [1 << 22, 100])
def test_retrieval_against_loops(targets, block, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK_ENTRIES", block)
    rng = np.random.default_rng(0)
    gallery, queries = rng.normal(size=(40, 3)), rng.normal(size=(13, 3))
    gallery_labels, labels = gallery[:, :targets] + 0.1, queries[:, :targets]
    found = retrieval(gallery, gallery_labels, queries, labels, at=(1, 4, 40, 90), tolerance=0.5)
    assert list(found) == [1, 4, 40, 90]
    for k, value in found.items():
        precision, error = _by_loops(gallery, gallery_labels, queries, labels, k, 0.5)
        assert value.precision == pytest.approx(precision)
        assert value.label_error == pytest.approx(error)
    assert found[90] == found[40], "a gallery of 40 has no more"
    assert found[1].label_error < found[40].label_error


def test_the_tolerance_is_inclusive():
    x, labels = np.array([[0.0], [1.0]]), np.array([[0.0], [0.5]])
    queries, true = np.array([[0.9], [1.1]]), np.zeros((2, 1))
    assert retrieval(x, labels, queries, true, at=[1], tolerance=0.5)[1] == Retrieval(1.0, 0.5)
    assert retrieval(x, labels, queries, true, at=[1], tolerance=0.49)[1] == Retrieval(0.0, 0.5)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_a_constant_embedding_retrieves_at_random(k):
    labels = np.array([[0.0], [0.2], [1.0], [3.0]])
    found = retrieval(np.ones((4, 2)), labels, np.ones((2, 2)), np.zeros((2, 1)), at=[k])[k]
    assert found.precision == pytest.approx(0.5)
    assert found.label_error == pytest.approx(4.2 / 4)
