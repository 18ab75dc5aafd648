import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rnc_graph.errors import RncGraphError
from rnc_graph.metrics import linear_class_probe, nearest_classes, neighbors

RNG = np.random.default_rng(0)
NUMBERS = np.array([0, 3, 4])  # of the classes: two are missing


def _drawn(rows, spread=1.0, counts=(1, 1, 1)):
    of_row = RNG.choice(3, size=rows, p=np.array(counts) / sum(counts))
    means = np.array([[2.0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])
    return means[of_row] + spread * RNG.normal(size=(rows, 4)), NUMBERS[of_row].astype(float)


def test_the_linear_probe_against_its_definition():
    train, labels = _drawn(90)
    test, _ = _drawn(40)
    mean, scale = train.mean(axis=0), train.std(axis=0)
    model = LogisticRegression(max_iter=1_000).fit((train - mean) / scale, labels)
    expected = model.predict((test - mean) / scale)
    found = linear_class_probe(train, labels, test)
    assert found.tolist() == expected.tolist()
    # Shift and scale of a feature make no difference.
    other = linear_class_probe(train * 100 - 7, labels, test * 100 - 7)
    assert other.tolist() == found.tolist()


@pytest.mark.parametrize("k", [1, 4, 50])
@pytest.mark.parametrize("block", [1 << 22, 100])
def test_votes_of_neighbors_against_loops(k, block, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK_ENTRIES", block)
    train, labels = _drawn(30)
    test, _ = _drawn(21)
    expected = []
    for query in test:
        apart = [
            math.dist(query / np.linalg.norm(query), row / np.linalg.norm(row)) for row in train
        ]
        votes = dict.fromkeys(NUMBERS.tolist(), 0.0)
        for row in sorted(range(30), key=lambda i: apart[i])[:k]:
            votes[int(labels[row])] += 1 / apart[row]
        expected.append(max(votes, key=lambda number: votes[number]))
    assert nearest_classes(train, labels, test, k).tolist() == expected


def test_the_length_of_a_row_is_no_matter():
    train, labels = _drawn(40)
    found = nearest_classes(train, labels, train * RNG.uniform(0.1, 9, size=(40, 1)), k=3)
    assert found.tolist() == labels.astype(int).tolist(), "equal directions are 0 apart"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_collapsed_embedding_predicts_the_most_frequent_class(value):
    labels = np.repeat([0.0, 3.0, 4.0], [5, 9, 7])
    train, test = np.full((21, 4), value), np.full((3, 4), value)
    assert nearest_classes(train, labels, test).tolist() == [3] * 3
    assert linear_class_probe(train, labels, test).tolist() == [3] * 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: linear_class_probe(x, y * 0, x), r"train_labels: .* got 1"),
        (lambda x, y: linear_class_probe(x, y[:3], x), r"train_labels: .* got \(3,\)"),
        (lambda x, y: linear_class_probe(x, y, x[:, :2]), r"embedding: expected shape"),
        (lambda x, y: nearest_classes(x, y + 0.5, x), r"train_labels: .* got \d\.5 in row 0"),
        (lambda x, y: nearest_classes(x, y * np.nan, x), r"train_labels: .* got nan in row 0"),
        (lambda x, y: nearest_classes(x, y, x, k=0), r"k: .* got 0"),
    ],
)
def test_bad_input_is_named_with_what_is_right(call, message):
    with pytest.raises(RncGraphError, match=message):
        call(*_drawn(8))
