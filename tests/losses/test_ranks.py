import pytest
import torch

from rnc_graph.errors import RncGraphError
from rnc_graph.losses import LabelRanks


def test_similarity_falls_in_steps_from_1_to_0_and_then_to_unranked() -> None:
    ranks = LabelRanks(thresholds=[0.5, 1.0, 2.0, 4.0, 8.0])
    labels = torch.tensor([[0.0], [10.0]])
    others = torch.tensor([[0.5], [0.6], [1.5], [4.0], [8.0], [8.1], [9.9]])
    found = ranks(labels, others)
    expected = [[1.0, 0.75, 0.5, 0.25, 0.0, -1.0, -1.0], [-1.0, -1.0, -1.0, 0.0, 0.5, 0.5, 1.0]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_one_threshold_is_one_class() -> None:
    found = LabelRanks(thresholds=[1.0])(torch.zeros(1, 1), torch.tensor([[1.0], [1.1]]))
    assert found.tolist() == [[1.0, -1.0]]


def test_quantiles_are_shares_of_the_pairs() -> None:
    labels = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    ranks = LabelRanks([0.1, 0.3])
    ranks.setup(labels)
    pairs = torch.pdist(labels, p=1)
    for threshold, share in zip(ranks.thresholds, (0.1, 0.3), strict=True):
        assert abs((pairs <= threshold).float().mean() - share) < 1e-3


def test_many_labels_are_sampled_evenly() -> None:
    labels = torch.linspace(0, 1, 50_000)[:, None]
    ranks = LabelRanks([0.5])
    ranks.setup(labels)
    # Of two uniform draws the distance's median is 1 - sqrt(1/2).
    assert abs(ranks.thresholds.item() - (1 - 0.5**0.5)) < 1e-2


@pytest.mark.parametrize("count", [1_999, 2_001, 3_999])
def test_sorted_labels_are_sampled_from_end_to_end(count: int) -> None:
    labels = torch.linspace(0, 1, count)[:, None]
    ranks = LabelRanks([0.9])
    ranks.setup(labels)
    assert abs(ranks.thresholds.item() - (1 - 0.1**0.5)) < 1e-2


def test_a_pair_on_a_threshold_is_within_it() -> None:
    labels = (torch.randn(300, 1, generator=torch.Generator().manual_seed(0)) * 100).round() / 100
    ranks = LabelRanks([0.2, 0.5])
    ranks.setup(labels)
    exact = (labels.double() - labels.double().T).abs()
    expected = torch.full_like(exact, -1.0)
    for threshold, value in zip(ranks.thresholds.flip(0), (0.0, 1.0), strict=True):
        expected[exact <= threshold] = value
    assert (exact == ranks.thresholds[0]).any()
    assert torch.equal(ranks(labels, labels).double(), expected)


def test_equal_thresholds_are_one() -> None:
    ranks = LabelRanks([0.1, 0.2, 0.3])
    ranks.setup(torch.tensor([[0.0]] * 9 + [[5.0]]))
    assert ranks.thresholds.tolist() == [0.0]


def test_thresholds_need_no_preparing_and_stay() -> None:
    ranks = LabelRanks(thresholds=[0.25])
    ranks.setup(torch.randn(10, 1))
    assert ranks.thresholds.tolist() == [0.25]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantiles": []}, "quantiles must be a rising list of numbers between 0 and 1, got"),
        ({"quantiles": [0.2, 0.1]}, "quantiles must be a rising"),
        ({"quantiles": [0.5, 1.0]}, "quantiles must be a rising"),
        ({"thresholds": [0.0, 1.0]}, "thresholds must be a rising list of numbers between 0 and"),
        ({"thresholds": [1.0, 1.0]}, "thresholds must be a rising"),
        ({"quantiles": [0.1], "thresholds": [1.0]}, "quantiles or thresholds, not both"),
        ({"thresholds": [float("nan")]}, "thresholds must be a rising"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(RncGraphError, match=message):
        LabelRanks(**options)


def test_unprepared() -> None:
    with pytest.raises(RncGraphError, match=r"setup\(labels\)"):
        LabelRanks([0.5])(torch.zeros(1, 1), torch.zeros(1, 1))
