import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.errors import RncGraphError
from rnc_graph.vision import (
    CIFAR100_SUPERCLASSES,
    FASHION_KINDS,
    class_counts,
    exponential_counts,
    shots,
    superclass_of,
    thin_classes,
)
from rnc_graph.vision.fashion_mnist import FASHION_CLASSES


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
    counts = class_counts(labels, classes)
    wanted = exponential_counts(max(1, int(counts.max())), classes, low)
    assert class_counts(labels[kept], classes).tolist() == np.minimum(counts, wanted).tolist()


def test_another_seed_keeps_others() -> None:
    labels = np.repeat(np.arange(4), 50)
    one, two = (thin_classes(labels, imbalance=10, classes=4, seed=seed) for seed in (0, 1))
    assert one.tolist() != two.tolist()
    assert len(one) == len(two)


def test_wrong_tails_are_refused() -> None:
    labels = np.array([0, 1, 2])
    with pytest.raises(RncGraphError, match=r"imbalance: found 0\.5"):
        thin_classes(labels, imbalance=0.5, classes=3, seed=0)
    with pytest.raises(RncGraphError, match="labels: found 2, right is 0 to 1"):
        thin_classes(labels, imbalance=2, classes=2, seed=0)
    with pytest.raises(RncGraphError, match="0 classes"):
        exponential_counts(1, 0, 2)


def test_shots() -> None:
    groups = shots(np.array([5, 50, 500]), many=49, few=6)
    assert {name: group.tolist() for name, group in groups.items()} == {
        "many": [1, 2],
        "medium": [],
        "few": [0],
    }


def test_hierarchies_hold_each_class_once() -> None:
    fine = sorted(name for members in CIFAR100_SUPERCLASSES.values() for name in members)
    assert len(set(fine)) == 100
    assert np.bincount(superclass_of(fine, CIFAR100_SUPERCLASSES)).tolist() == [5] * 20
    kinds = superclass_of(FASHION_CLASSES, FASHION_KINDS)
    assert kinds.tolist() == [0, 1, 0, 2, 0, 3, 0, 3, 4, 3]
    with pytest.raises(RncGraphError, match="'Hat' is in none of tops, bottoms"):
        superclass_of(["Hat"], FASHION_KINDS)
    with pytest.raises(RncGraphError, match="'a' is in 'y' and in another"):
        superclass_of(["a"], {"x": ["a"], "y": ["a"]})
