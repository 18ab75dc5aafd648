import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.errors import RncGraphError
from rnc_graph.losses import QuantileBins


def _prepared(labels: torch.Tensor, bins: int) -> QuantileBins:
    made = QuantileBins(bins)
    made.setup(labels)
    return made


def test_the_bins_hold_equal_shares() -> None:
    labels = torch.randn(1000, 1, generator=torch.Generator().manual_seed(0))
    bins = _prepared(labels, 10)
    assert bins.classes == 10
    assert bins(labels).bincount().tolist() == [100] * 10


@given(
    values=st.lists(st.integers(-3, 3), min_size=2, max_size=40),
    bins=st.integers(2, 6),
)
def test_classes_follow_the_label_and_equal_labels_share_one(values: list[int], bins: int) -> None:
    labels = torch.tensor(values).float()[:, None]
    made = _prepared(labels, bins)
    classes = made(labels)
    # Every class has a molecule of the training set.
    assert sorted(set(classes.tolist())) == list(range(made.classes))
    for first, one in zip(values, classes.tolist(), strict=True):
        for second, other in zip(values, classes.tolist(), strict=True):
            assert first != second or one == other
            assert first > second or one <= other


def test_several_targets_make_combinations() -> None:
    bins = _prepared(torch.tensor([[0.0, 0.0], [1.0, 2.0], [8.0, 9.0], [9.0, 8.0]]), 2)
    assert bins.classes == 2
    assert bins(torch.tensor([[-1.0, 0.5], [9.5, 8.5]])).tolist() == [0, 1]
    # The other two combinations are none of the training set's; they still have a class.
    assert set(bins(torch.tensor([[0.0, 9.0], [9.0, 0.0]])).tolist()) <= {0, 1}
    crossed = _prepared(torch.tensor([[0.0, 0.0], [1.0, 9.0], [8.0, 1.0], [9.0, 8.0]]), 2)
    assert crossed.classes == 4


def test_combinations_of_many_targets_do_not_overflow() -> None:
    # 10 ** 70 combinations, 40 of which occur; the samples differ in their last target only.
    labels = torch.zeros(40, 70)
    labels[:, 0], labels[:, 69] = torch.arange(40.0) // 20, torch.arange(40.0)
    bins = _prepared(labels, 10)
    assert bins.classes == 10
    assert bins(labels).tolist() == [number // 4 for number in range(40)]
    first_differs = labels.flip(1)
    assert _prepared(first_differs, 10)(first_differs).bincount().tolist() == [4] * 10


def test_the_edges_are_part_of_the_state() -> None:
    labels = torch.arange(8.0)[:, None]
    bins = _prepared(labels, 4)
    assert {"edges", "codes"} == set(bins.state_dict())
    assert bins.edges.flatten().tolist() == [2, 4, 6]


def test_unprepared_and_too_few() -> None:
    with pytest.raises(RncGraphError, match=r"setup\(labels\)"):
        QuantileBins(3)(torch.zeros(1, 1))
    with pytest.raises(RncGraphError, match="at least 2, got 1"):
        QuantileBins(1)
