import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.errors import RncGraphError
from rnc_graph.metrics import label_bins, long_tail_metrics, shot_regions
from rnc_graph.metrics.regression import LEAST_ERROR

LABELS = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=30)
EDGES = st.lists(st.integers(-3, 3).map(float), max_size=5, unique=True).map(sorted)


def _bin(label, edges):
    return sum(edge <= label for edge in edges)


@given(LABELS, LABELS, EDGES, st.integers(0, 4), st.integers(0, 4))
def test_regions_against_loops(train, labels, edges, few, more):
    many = few + more
    found = shot_regions(np.array(train), np.array(labels), np.array(edges), many=many, few=few)
    bins = label_bins(np.array(labels), np.array(edges))
    for label, region, b in zip(labels, found, bins, strict=True):
        assert b == _bin(label, edges)
        shots = sum(_bin(t, edges) == b for t in train)
        assert region == ("many" if shots > many else "few" if shots < few else "medium")


def test_a_bin_without_training_molecules_is_few_shot():
    train, labels, edges = np.array([0.0, 0.1]), np.array([0.5, 9.0]), np.array([1.0, 2.0])
    assert shot_regions(train, labels, edges, many=1, few=1).tolist() == ["many", "few"]


def test_metrics_against_loops():
    rng = np.random.default_rng(0)
    measured, predicted = rng.normal(size=40), rng.normal(size=40)
    regions, bins = rng.choice(["many", "medium", "few"], size=40), rng.integers(0, 5, size=40)
    found = long_tail_metrics(measured, predicted, regions, bins)
    errors = [abs(m - p) for m, p in zip(measured, predicted, strict=True)]

    def mean_where(groups, group):
        of_group = [e for e, g in zip(errors, groups, strict=True) if g == group]
        return sum(of_group) / len(of_group)

    expected = {
        f"mae_{region}": mean_where(regions, region) for region in ("many", "medium", "few")
    }
    expected["balanced_mae"] = sum(mean_where(bins, b) for b in range(5)) / 5
    expected["gmean"] = math.prod(errors) ** (1 / 40)
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)


def test_empty_regions_and_bins_are_left_out():
    found = long_tail_metrics(
        np.zeros(3), np.array([1.0, -1.0, 4.0]), np.array(["few"] * 3), np.array([0, 0, 7])
    )
    assert found == pytest.approx({"mae_few": 2.0, "balanced_mae": 2.5, "gmean": 4 ** (1 / 3)})


def test_an_exact_hit_does_not_make_the_geometric_mean_0():
    regions, bins = np.array(["many"] * 2), np.zeros(2)
    found = long_tail_metrics(np.zeros(2), np.array([0.0, 1.0]), regions, bins)
    assert found["gmean"] == pytest.approx(LEAST_ERROR**0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: label_bins(x, np.array([1.0, 1.0])), r"edges: .* got \[1.0, 1.0\]"),
        (lambda x: label_bins(x, np.array([np.nan])), "edges: expected finite, rising numbers"),
        (lambda x: label_bins(x, np.array([[0.0]])), "edges: expected finite, rising numbers"),
        (lambda x: label_bins(x[:, None], np.array([0.0])), r"labels: .* got \(3, 1\)"),
        (lambda x: shot_regions(x, x, x[:0], many=1, few=2), r".* got 2 and 1"),
        (lambda x: shot_regions(x, x, x[:0], many=1, few=-1), r".* got -1 and 1"),
        (lambda x: shot_regions(x * np.nan, x, x[:0], many=1, few=1), r"train_labels: .* got nan"),
        (
            lambda x: long_tail_metrics(x, x, np.array(["many", "few", "none"]), x),
            r"regions: .* got the unknown \['none'\]",
        ),
        (lambda x: long_tail_metrics(x, x, np.array(["few"]), x), r"regions: .* got shape \(1,\)"),
        (lambda x: long_tail_metrics(x, x, np.array(["few"] * 3), x[:2]), r"bins: expected shape"),
    ],
)
def test_bad_input_is_named_with_what_is_right(call, message):
    with pytest.raises(RncGraphError, match=message):
        call(np.zeros(3))
