import math

import numpy as np
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.metrics import classification_metrics

RNG = np.random.default_rng(0)
COUNTS = [150, 101, 100, 20, 19, 0]  # of classes 0 .. 5 in the training set
TRAIN = np.repeat(np.arange(6.0), COUNTS)
REGION_OF = ["many", "many", "medium", "medium", "few", "few"]


def _by_loops(labels, logits, many_few=REGION_OF):
    right, entropies = {}, []
    for label, row in zip(labels, logits, strict=True):
        best = max(range(len(row)), key=lambda c: row[c])
        right.setdefault(int(label), []).append(best == label)
        entropies.append(-math.log(math.exp(row[int(label)]) / sum(map(math.exp, row))))
    of_class = {c: sum(hits) / len(hits) for c, hits in right.items()}
    accuracy = sum(map(sum, right.values())) / len(labels)
    expected = {
        "accuracy": accuracy,
        "error": 1 - accuracy,
        "balanced_accuracy": sum(of_class.values()) / len(of_class),
        "cross_entropy": sum(entropies) / len(entropies),
    }
    for region in ("many", "medium", "few"):
        own = [value for c, value in of_class.items() if many_few[c] == region]
        if own:
            expected[f"accuracy_{region}"] = sum(own) / len(own)
    return expected


@pytest.mark.parametrize("classes", [6, 4, 1])
def test_metrics_against_loops(classes):
    labels = RNG.integers(0, classes, size=60).astype(float)
    logits = RNG.normal(size=(60, 6)) + 1.5 * np.eye(6)[labels.astype(int)]
    found = classification_metrics(labels, logits, TRAIN)
    assert found == pytest.approx(_by_loops(labels, logits))
    assert list(found) == list(_by_loops(labels, logits)), "in the order they are shown"
    assert ("accuracy_few" in found) == (classes == 6), "a region without a class is left out"
    without = classification_metrics(labels, logits)
    assert {name: found[name] for name in list(found)[:4]} == without
    assert all(type(value) is float for value in found.values())


def test_the_thresholds_of_the_regions_may_be_others():
    labels, logits = np.arange(6.0), np.eye(6)
    found = classification_metrics(labels, logits, TRAIN, many=19, few=19)
    assert {"accuracy_many", "accuracy_medium", "accuracy_few"} <= set(found)
    assert "accuracy_medium" not in classification_metrics(labels, logits, TRAIN, many=18, few=18)


def test_missing_labels_are_left_out():
    labels = RNG.integers(0, 6, size=40).astype(float)
    logits = RNG.normal(size=(40, 6))
    gone = np.arange(40) % 3 == 0
    holes, train = np.where(gone, np.nan, labels), np.append(TRAIN, [np.nan] * 9)
    found = classification_metrics(holes, logits, train)
    assert found == classification_metrics(labels[~gone], logits[~gone], TRAIN)
    nothing = classification_metrics(labels * np.nan, logits)
    assert list(nothing) == ["accuracy", "error", "balanced_accuracy", "cross_entropy"]
    assert all(math.isnan(value) for value in nothing.values())


def test_extreme_logits_have_an_exact_cross_entropy():
    found = classification_metrics(np.array([0, 1]), np.array([[0.0, 900.0], [-900.0, 900.0]]))
    assert found["cross_entropy"] == pytest.approx(450)
    assert found["accuracy"] == 0.5


@pytest.mark.filterwarnings("error")
def test_a_class_that_is_only_predicted_or_only_measured():
    found = classification_metrics(np.array([0, 0, 1]), np.eye(3)[[2, 0, 0]], np.array([0, 0]))
    assert (found["balanced_accuracy"], found["accuracy_few"]) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y, x: classification_metrics(y[:2], x), r"labels: .* got \(2,\)"),
        (lambda y, x: classification_metrics(y[:, None], x), r"labels: .* got \(3, 1\)"),
        (lambda y, x: classification_metrics(y, x[:, 0]), r"logits: .* got \(3,\)"),
        (lambda y, x: classification_metrics(y, x * np.nan), r"logits: .* got nan in row 0"),
        (lambda y, x: classification_metrics(y + 0.5, x), r"labels: .* got 0\.5 in row 0"),
        (lambda y, x: classification_metrics(y - 1, x), r".* got -1 in row 0"),
        (lambda y, x: classification_metrics(y + 3, x), "class numbers below 4, got 4 in row 1"),
        (lambda y, x: classification_metrics(y, x, y / 2), r"train_labels: .* got 0\.5 in row 1"),
        (lambda y, x: classification_metrics(y, x, y, many=1, few=2), r"few and many: .* got 2"),
    ],
)  # fmt: skip
def test_bad_input_is_named_with_what_is_right(call, message):
    with pytest.raises(RncGraphError, match=message):
        call(np.arange(3.0), np.zeros((3, 4)))
