import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.errors import RncGraphError
from rnc_graph.training import LabeledQueue


@given(size=st.integers(1, 9), batches=st.lists(st.integers(1, 25), max_size=6))
def test_it_holds_the_last_keys_with_their_labels(size: int, batches: list[int]) -> None:
    queue, pushed = LabeledQueue(size), 0
    for count in batches:
        numbers = torch.arange(pushed, pushed + count).float()
        queue.push(numbers[:, None].expand(-1, 3), -numbers[:, None])
        pushed += count
        keys, labels = queue.content(embedding_dim=3, n_targets=1)
        expected = list(range(max(0, pushed - size), pushed))
        assert sorted(keys[:, 0].tolist()) == expected
        assert torch.equal(keys, -labels.expand(-1, 3))


def test_the_oldest_makes_room() -> None:
    queue = LabeledQueue(4)
    for start in (0, 3, 6):
        queue.push(torch.arange(start, start + 3.0)[:, None], torch.zeros(3, 1))
    keys, _ = queue.content(1, 1)
    # 0 1 2 3, then 4 and 5 in place of 0 and 1, and so on around.
    assert keys.flatten().tolist() == [8, 5, 6, 7]


def test_an_empty_queue_has_the_shapes_asked_for() -> None:
    keys, labels = LabeledQueue(4).content(embedding_dim=7, n_targets=2)
    assert (keys.shape, labels.shape) == ((0, 7), (0, 2))


def test_what_was_taken_before_stays() -> None:
    queue = LabeledQueue(2)
    queue.push(torch.ones(2, 1), torch.ones(2, 1))
    keys, labels = queue.content(1, 1)
    queue.push(torch.zeros(2, 1), torch.zeros(2, 1))
    assert keys.tolist() == labels.tolist() == [[1], [1]]


def test_its_keys_carry_no_gradient() -> None:
    queue = LabeledQueue(2)
    queue.push(torch.ones(2, 1, requires_grad=True), torch.ones(2, 1))
    assert not queue.keys.requires_grad


def test_another_one_goes_on_from_its_state() -> None:
    queue, other = LabeledQueue(3), LabeledQueue(3)
    for number in range(4):
        queue.push(torch.full((1, 2), float(number)), torch.full((1, 1), float(number)))
    other.load_state_dict(queue.state_dict())
    for either in (queue, other):
        either.push(torch.full((1, 2), 9.0), torch.full((1, 1), 9.0))
    assert other.content(2, 1)[0].tolist() == queue.content(2, 1)[0].tolist()
    assert other.labels[:, 0].tolist() == [3.0, 9.0, 2.0]


def test_the_dtype_of_the_keys_is_kept() -> None:
    queue = LabeledQueue(3)
    for _ in range(2):
        queue.push(torch.ones(2, 1, dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64))
    assert queue.keys.dtype == torch.float64


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(RncGraphError, match="queue_size must be at least 1, got 0"):
        LabeledQueue(0)
