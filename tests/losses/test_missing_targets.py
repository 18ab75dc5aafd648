"""Objectives on molecules that lack targets."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnc_graph.errors import RncGraphError
from rnc_graph.losses import (
    LOSSES,
    RINCE,
    AttentionNCELoss,
    LabelAttentionNCE,
    LabelRanks,
    PretrainLoss,
    QuantileBins,
    QueueLoss,
    RINCELoss,
)

NAN = math.nan
# All that look at labels.
NAMES = [name for name in LOSSES.names() if name not in ("attention-nce", "simclr")]


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _made(name: str, labels: Tensor) -> Any:
    options: dict[str, Any] = {"positives": None} if name in ("kcl", "tsc") else {}
    objective: nn.Module = LOSSES.make(name, **options)
    if isinstance(objective, PretrainLoss):
        objective.setup(labels, 8, seed=0)
    return objective


def _value(
    objective: nn.Module, features: Tensor, labels: Tensor, queue: Tensor, queued: Tensor
) -> Tensor:
    """Return the objective of features (B, 3, 8), or of their first view with the second as key."""
    if isinstance(objective, QueueLoss):
        value: Tensor = objective(features[:, 0], features[:, 1], labels, queue, queued)
    else:
        value = objective(features, labels)
    return value


@pytest.mark.parametrize("name", NAMES)
def test_with_one_target_a_missing_label_is_a_missing_molecule(name: str) -> None:
    labels, queued = _draw(40, 1), _draw(30, 1, seed=1)
    labels[::3], queued[::4] = NAN, NAN
    known, in_queue = ~labels.isnan()[:, 0], ~queued.isnan()[:, 0]
    features, queue = _draw(40, 3, 8), _draw(30, 8, seed=2)
    features.requires_grad_()
    found = _value(_made(name, labels), features, labels, queue, queued)
    expected = _value(
        _made(name, labels[known]),
        features[known],
        labels[known],
        queue[in_queue],
        queued[in_queue],
    )
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found, features)
    (right,) = torch.autograd.grad(expected, features)
    torch.testing.assert_close(gradient, right, rtol=1e-4, atol=1e-6)
    assert (gradient[~known] == 0).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [0, 1])
def test_a_batch_without_anything_to_compare_is_0_with_a_graph(name: str, kept: int) -> None:
    objective = _made(name, _draw(40, 1))
    labels = torch.full((5, 1), NAN)
    labels[:kept] = 0.5
    features = _draw(5, 2, 8).requires_grad_()
    value = _value(objective, features, labels, torch.zeros(0, 8), torch.zeros(0, 1))
    (gradient,) = torch.autograd.grad(value, features)
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert (gradient[kept:] == 0).all()
    if kept == 0:
        assert value == 0


@pytest.mark.parametrize("name", NAMES)
def test_several_targets_with_gaps_are_learned_from(name: str) -> None:
    labels = _draw(60, 2)
    labels[::3, 0], labels[1::4, 1] = NAN, NAN
    objective = _made(name, labels)
    features = nn.Parameter(_draw(60, 3, 8))
    optimizer = torch.optim.Adam([features], lr=0.05)
    queue = features.detach()[:, 2]
    values = []
    for _ in range(15):
        values.append(_value(objective, features, labels, queue, labels))
        optimizer.zero_grad()
        values[-1].backward()
        optimizer.step()
    assert values[-1] < values[0] - 0.01
    assert features.isfinite().all()


def test_rince_ranks_by_what_both_have() -> None:
    labels = torch.tensor([[0.0, 0.0], [0.0, NAN], [NAN, NAN]])
    queued = torch.tensor([[0.5, NAN], [0.5, 0.0], [NAN, 3.0], [NAN, NAN]])
    ranks = LabelRanks(thresholds=[0.6, 1.5])
    similarity = torch.tensor([[0.0, 1.0, -1.0, NAN], [0.0, 0.0, NAN, NAN], [NAN] * 4])
    torch.testing.assert_close(ranks(labels, queued), similarity, equal_nan=True)
    query, key, queue = _draw(3, 8), _draw(3, 8, seed=1), _draw(4, 8, seed=2)
    found = RINCE("in", 0.2, 0.4, thresholds=[0.6, 1.5])(query, key, labels, queue, queued)
    expected = RINCELoss("in", 0.2, 0.4)(query[:2], key[:2], queue, similarity[:2])
    torch.testing.assert_close(found, expected)


def test_thresholds_are_quantiles_of_the_comparable_pairs() -> None:
    labels = torch.tensor([[0.0, NAN], [1.0, NAN], [3.0, NAN], [NAN, 0.0], [NAN, 7.0], [NAN, NAN]])
    ranks = LabelRanks([0.5])
    ranks.setup(labels)
    # Twice 1, 2, 3 and 7, each known by one of two targets.
    assert ranks.thresholds.tolist() == [5.0]
    with pytest.raises(RncGraphError, match="no such pair among 2 samples with a target"):
        LabelRanks([0.5]).setup(labels[[0, 3, 5]])


def test_neighbors_without_a_common_target_are_neither_positives_nor_negatives() -> None:
    labels = torch.tensor([[0.0, NAN], [0.1, NAN], [NAN, 1.0], [0.2, 5.0], [NAN, NAN]])
    features = _draw(5, 2, 8)
    found = LabelAttentionNCE(positives=2, temperature=0.3)(features, labels)
    near = torch.tensor([[1, 3], [0, 3], [3, 0], [1, 0]])
    positives = torch.tensor([[1, 1], [1, 1], [1, 0], [1, 1]]).bool()
    negatives = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]).bool()
    kept = features[:4]
    expected = AttentionNCELoss(0.3)(torch.cat([kept, kept[near, 0]], 1), negatives, positives)
    torch.testing.assert_close(found, expected)


def test_a_sample_without_comparable_ones_is_no_positive_of_its_own_wherever_it_is() -> None:
    labels = torch.cat([torch.arange(8.0)[:, None], torch.full((8, 1), NAN)], 1)
    alone = torch.tensor([[NAN, 1.0]])
    features = _draw(9, 2, 8)
    first = LabelAttentionNCE()(features, torch.cat([alone, labels]))
    last = LabelAttentionNCE()(features.roll(-1, 0), torch.cat([labels, alone]))
    torch.testing.assert_close(first, last)


def test_bins_of_each_target_are_of_what_is_known_of_it() -> None:
    first, second = torch.arange(40.0), torch.arange(40.0).flip(0)
    first[:8], second[30:] = NAN, NAN
    labels = torch.stack([first, second], 1)
    bins = QuantileBins(4)
    bins.setup(labels)
    assert bins.edges.tolist() == [[16.0, 24.0, 32.0], [17.0, 25.0, 32.0]]
    classes = bins(labels)
    assert ((classes == -1) == labels.isnan().any(1)).all()
    assert sorted(set(classes[8:30].tolist())) == list(range(bins.classes))


def test_too_few_molecules_with_all_targets_are_named_and_advised() -> None:
    labels = _draw(30, 2)
    labels[3:, 1] = NAN
    with pytest.raises(RncGraphError, match=r"at least 10 .* all 2 targets, got 3 of 30 .*'rnc'"):
        QuantileBins(10).setup(labels)
    labels[1:, 1] = NAN
    with pytest.raises(RncGraphError, match=r"target 1: expected 2 or more .* got 1 of 30"):
        QuantileBins(10).setup(labels)
    constant = torch.zeros(30, 1)
    constant[0] = NAN
    with pytest.raises(RncGraphError, match="got 29 of 30 in 1 classes"):
        QuantileBins(10).setup(constant)
