import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnc_graph.data.long_tail import (
    exponential_counts,
    thin_classes,
    thin_to_long_tail,
)
from rnc_graph.errors import RncGraphError
from rnc_graph.quantiles import quantile_edges

TIED = st.integers(2, 60).flatmap(
    lambda rows: arrays(np.float64, rows, elements=st.integers(-5, 5).map(lambda i: i / 10))
)
BINS = st.integers(2, 12)


@given(st.integers(2, 200), BINS)
def test_labels_that_differ_are_cut_into_equal_bins(rows, bins):
    labels = np.random.default_rng(rows).permutation(rows) / 7
    counts = np.bincount(np.digitize(labels, quantile_edges(labels, bins)))
    assert len(counts) == min(bins, rows)
    assert counts.max() - counts.min() <= 1


@given(TIED, BINS)
def test_ties_merge_edges_and_leave_no_bin_empty(labels, bins):
    edges = quantile_edges(labels, bins)
    assert len(edges) <= bins - 1
    assert set(edges) <= set(labels)
    assert (np.diff(edges) > 0).all()
    assert np.bincount(np.digitize(labels, edges), minlength=len(edges) + 1).min() > 0


@given(TIED, BINS, st.sampled_from([1, 2.5, 10, 1e6]), st.sampled_from(["high", "low"]))
def test_each_bin_keeps_its_share(labels, bins, imbalance, tail):
    kept = thin_to_long_tail(labels, imbalance=imbalance, bins=bins, tail=tail, seed=0)
    assert kept.dtype == np.int64
    assert (np.diff(kept) > 0).all(), "sorted, each once"
    edges = quantile_edges(labels, bins)
    of_bin = np.digitize(labels, edges)
    for b in range(len(edges) + 1):
        from_head = b if tail == "high" else len(edges) - b
        share = imbalance ** (-from_head / len(edges)) if len(edges) else 1
        expected = max(1, round(share * int((of_bin == b).sum())))
        assert int((of_bin[kept] == b).sum()) == expected


def test_the_tail_is_at_the_end_asked_for():
    labels = np.random.default_rng(0).permutation(1000.0 + np.arange(1000))
    for tail, counts in (("high", [100, 77, 60, 46, 36, 28, 22, 17, 13, 10]), ("low", None)):
        kept = thin_to_long_tail(labels, imbalance=10, tail=tail, seed=3)
        found = np.bincount(np.digitize(labels[kept], quantile_edges(labels, 10))).tolist()
        assert found == (counts or [10, 13, 17, 22, 28, 36, 46, 60, 77, 100])


def test_the_seed_decides_and_imbalances_nest():
    labels = np.random.default_rng(1).normal(size=300)

    def kept(seed, imbalance):
        return thin_to_long_tail(labels, imbalance=imbalance, tail="high", seed=seed).tolist()

    assert kept(0, 20) == kept(0, 20)
    assert kept(0, 20) != kept(1, 20)
    assert len(kept(0, 20)) == len(kept(1, 20))
    assert set(kept(0, 100)) < set(kept(0, 20)) < set(kept(0, 5)) < set(kept(0, 1))
    assert kept(0, 1) == list(range(300))


def test_each_molecule_of_a_bin_is_as_likely():
    times = np.zeros(40)
    for seed in range(400):
        kept = thin_to_long_tail(np.arange(40.0), imbalance=4, bins=2, tail="high", seed=seed)
        times[kept] += 1
    assert (times[:20] == 400).all()
    # Binomial with 400 draws of 1 in 4: 100 with a deviation of 8.7.
    assert times[20:].sum() == 400 * 5
    assert 60 < times[20:].min() < times[20:].max() < 140


def test_labels_that_are_all_equal_all_stay():
    labels = np.full(7, 0.1)
    assert quantile_edges(labels, 3).tolist() == []
    kept = thin_to_long_tail(labels, imbalance=9, tail="low", seed=0)
    assert kept.tolist() == list(range(7))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros((4, 1))}, r"labels: expected shape \(M >= 2,\), got \(4, 1\)"),
        ({"labels": np.zeros(1)}, r"labels: expected shape \(M >= 2,\), got \(1,\)"),
        ({"labels": np.array([0.0, np.nan])}, "labels: expected finite numbers, got nan"),
        ({"bins": 1}, "bins: expected 2 or more, got 1"),
        ({"imbalance": 0.5}, "imbalance: expected 1 or more, and finite, got 0.5"),
        ({"imbalance": float("inf")}, "imbalance: .* got inf"),
        ({"tail": "left"}, "tail: expected 'high' or 'low', got 'left'"),
    ],
)
def test_bad_input_is_named_with_what_is_right(change, message):
    given_ = {"labels": np.arange(9.0), "imbalance": 3, "bins": 3, "tail": "high", "seed": 0}
    with pytest.raises(RncGraphError, match=message):
        thin_to_long_tail(**(given_ | change))


@given(st.integers(1, 6000), st.integers(1, 100), st.floats(1, 1000))
def test_counts_fall_by_one_factor(largest: int, classes: int, imbalance: float) -> None:
    counts = exponential_counts(largest, classes, imbalance)
    assert counts[0] == largest
    for number, count in enumerate(counts):
        share = imbalance ** (-number / max(classes - 1, 1))
        assert count == 1 or abs(count - largest * share) < 1 + 1e-6
    assert counts == sorted(counts, reverse=True)
    assert min(counts) >= 1


def test_the_counts_of_cifar_lt() -> None:
    assert sum(exponential_counts(500, 100, 100)) == 10847
    assert sum(exponential_counts(5000, 10, 100)) == 12406
    assert sum(exponential_counts(5000, 10, 10)) == 20431


@given(st.integers(1, 5), st.floats(1, 50), st.floats(1, 50), st.integers(0, 3), st.data())
def test_classes_are_thinned(
    classes: int, first: float, second: float, seed: int, data: st.DataObject
) -> None:
    labels = np.array(
        data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=200)), dtype=np.int64
    )
    low, high = sorted((first, second))
    kept, fewer = (
        thin_classes(labels, imbalance=imbalance, classes=classes, seed=seed)
        for imbalance in (low, high)
    )
    assert set(fewer) <= set(kept)
    assert (np.diff(kept) > 0).all()
    counts = np.bincount(labels, minlength=classes)
    wanted = exponential_counts(max(1, int(counts.max())), classes, low)
    assert (
        np.bincount(labels[kept], minlength=classes).tolist() == np.minimum(counts, wanted).tolist()
    )


def test_another_seed_keeps_other_samples() -> None:
    labels = np.repeat(np.arange(4), 50)
    one, two = (thin_classes(labels, imbalance=10, classes=4, seed=seed) for seed in (0, 1))
    assert one.tolist() != two.tolist()
    assert len(one) == len(two)


def test_wrong_tails_are_refused() -> None:
    labels = np.array([0, 1, 2])
    with pytest.raises(RncGraphError, match=r"imbalance: expected 1 or more, and finite, got 0\.5"):
        thin_classes(labels, imbalance=0.5, classes=3, seed=0)
    with pytest.raises(RncGraphError, match="labels: expected classes 0 to 1, got 2"):
        thin_classes(labels, imbalance=2, classes=2, seed=0)
    with pytest.raises(RncGraphError, match="0 classes"):
        exponential_counts(1, 0, 2)
