import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from rnc_graph.errors import RncGraphError
from rnc_graph.metrics import class_retrieval, neighbors

RNG = np.random.default_rng(0)
COARSE = np.array([0, 0, 1, 1, 1])


def _cosine(a, b):
    return float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))


def _by_loops(gallery, gallery_labels, queries, labels):
    """Return recall at 1 and mean average precision, without ties."""
    firsts, averages = [], []
    for query, label in zip(queries, labels, strict=True):
        order = sorted(range(len(gallery)), key=lambda i: -_cosine(query, gallery[i]))
        hits = [gallery_labels[i] == label for i in order]
        precisions = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
        firsts.append(hits[0])
        averages.append(sum(precisions) / len(precisions) if precisions else 0.0)
    return sum(firsts) / len(firsts), sum(averages) / len(averages)


@pytest.mark.parametrize("block", [1 << 22, 100])
def test_retrieval_against_loops(block, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK_ENTRIES", block)
    gallery, queries = RNG.normal(size=(40, 3)), RNG.normal(size=(13, 3))
    fine = RNG.integers(0, 4, size=40)
    true = RNG.integers(0, 5, size=13)  # The gallery has none of the last class.
    assert (true == 4).any()
    found = class_retrieval(
        gallery, {"fine": fine, "coarse": COARSE[fine]},
        queries, {"fine": true, "coarse": COARSE[true]},
    )  # fmt: skip
    for name, known, wanted in (("fine", fine, true), ("coarse", COARSE[fine], COARSE[true])):
        expected = _by_loops(gallery, known, queries, wanted)
        assert (found[name].recall_1, found[name].map) == pytest.approx(expected)


def test_ties_are_those_of_scikit_learn():
    gallery = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0], [-1.0, 0.0], [0.6, 0.8]])
    labels, queries = np.array([0, 1, 0, 1, 0, 1]), np.array([[1.0, 0.0], [0.0, 2.0], [0.3, -0.2]])
    true = np.array([0, 1, 1])
    found = class_retrieval(gallery, {"fine": labels}, queries, {"fine": true})["fine"]
    averages = [
        average_precision_score(labels == label, [_cosine(query, row) for row in gallery])
        for query, label in zip(queries, true, strict=True)
    ]
    assert found.map == pytest.approx(np.mean(averages))
    assert found.recall_1 == 0.5, "two share each first place, one of them right"


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_embedding_retrieves_at_random(value):
    labels = np.repeat([0, 1], [30, 10])
    found = class_retrieval(
        np.full((40, 7), value), {"fine": labels}, np.full((5, 7), value), {"fine": np.ones(5)}
    )["fine"]
    assert (found.recall_1, found.map) == pytest.approx((0.25, 0.25))


def test_labels_that_do_not_fit():
    x = RNG.normal(size=(4, 2))
    with pytest.raises(RncGraphError, match=r"gallery_labels, fine: .* got \(3,\)"):
        class_retrieval(x, {"fine": np.zeros(3)}, x, {"fine": np.zeros(4)})
    with pytest.raises(RncGraphError, match=r"labels, fine: .* got 0\.1 in row 0"):
        class_retrieval(x, {"fine": np.zeros(4)}, x, {"fine": np.full(4, 0.1)})
