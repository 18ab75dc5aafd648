"""What the losses share: gradients, the draws, edges of no positives, and what they refuse."""

import math
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnc_graph.errors import RncGraphError, RunError
from rnc_graph.losses import (
    AttentionNCELoss,
    KCLLoss,
    RegressionLoss,
    RINCELoss,
    RnCLoss,
    SupConLoss,
    TSCLoss,
)
from rnc_graph.losses.kcl import draw
from tests.losses.loops import normal

LABELS, QUEUE_LABELS = torch.tensor([0, 1, 0, 2]), torch.tensor([0, 1, 1, 0, 0])
SIMILARITY = torch.tensor([1.0, 0.5, 0.2, -1.0])[torch.arange(20) % 4].view(4, 5)


@pytest.mark.parametrize("seed", range(2))
def test_gradcheck(seed: int) -> None:
    features = normal(4, 4, 3, seed=seed).requires_grad_()
    query, key, queue, targets = (
        normal(n, 3, seed=seed + i).requires_grad_() for i, n in enumerate((4, 4, 5, 3))
    )
    given, assigned = (LABELS, queue, QUEUE_LABELS), torch.tensor([1, 2, 0])

    def check(function: Any, *inputs: Tensor) -> None:
        assert torch.autograd.gradcheck(function, inputs)

    check(lambda x: SupConLoss()(x, LABELS), features)
    # Attention is no function of the features to its gradient; uniform attention is.
    check(AttentionNCELoss(0.5, 1e9, 1e9), features)
    for variant in ("in", "out", "out-in"):
        check(lambda *x, v=variant: RINCELoss(v, 0.3, 0.6)(*x, SIMILARITY), query, key, queue)
    check(lambda q, k, c: KCLLoss(0.3, None)(q, k, LABELS, c, QUEUE_LABELS), query, key, queue)
    check(
        lambda q, k, t: TSCLoss(0.3, positives=None)(q, k, *given, t, assigned), query, key, targets
    )


def _losses() -> dict[str, Any]:
    """Return each loss with a custom backward as a function of features (4, 4, 3)."""
    assigned, targets = torch.tensor([1, 2, 0]), normal(3, 3, seed=3)
    key, queue = normal(4, 3, seed=1), normal(5, 3, seed=2)
    given = (key, LABELS, queue, QUEUE_LABELS)
    return {
        "rnc": lambda x: RnCLoss()(x, LABELS),
        "rnc of a function": lambda x: RnCLoss(feature_sim=lambda a, b: a @ b.T)(x, LABELS),
        "supcon": lambda x: SupConLoss()(x, LABELS),
        "attention-nce": AttentionNCELoss(),
        "rince": lambda x: RINCELoss()(x[:, 0], key, queue, SIMILARITY),
        "kcl": lambda x: KCLLoss(positives=None)(x[:, 0], *given),
        "tsc": lambda x: TSCLoss(positives=None)(x[:, 0], *given, targets, assigned),
    }


@pytest.mark.parametrize("name", _losses())
def test_second_derivatives_are_an_error(name: str) -> None:
    features = normal(4, 4, 3).requires_grad_()
    value = _losses()[name](features)
    with pytest.raises(RunError, match="first derivatives only, got create_graph=True"):
        torch.autograd.grad(value, features, create_graph=True)
    # As part of a larger graph, whose gradient requires a gradient, too.
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    with pytest.raises(RunError, match="first derivatives only"):
        torch.autograd.grad(weight * _losses()[name](features), features, create_graph=True)
    assert torch.autograd.grad(_losses()[name](features), features)[0].isfinite().all()


def test_a_loss_without_a_custom_backward_has_second_derivatives() -> None:
    loss = RegressionLoss()
    loss.setup(torch.zeros(4, 2), 3, 0)
    loss.double()
    features, labels = normal(4, 2, 3).requires_grad_(), 100 + normal(4, 2)
    assert torch.autograd.gradgradcheck(lambda x: loss(x, labels).square(), features)


def test_regression_takes_half_precision_under_autocast() -> None:
    loss = RegressionLoss()
    loss.setup(torch.zeros(4, 2), 3, 0)
    features, labels = normal(4, 2, 3).bfloat16(), normal(4, 2).float()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(features, labels)
    assert torch.equal(value, loss(features.float(), labels))


def test_the_head_of_regression_draws_from_no_generator_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    before = torch.get_rng_state()
    RegressionLoss().setup(torch.zeros(4, 2), 3, 0)
    assert not seeds
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("pool", "number"), [(5, 2), (4, 3), (6, 1), (3, 3)])
def test_draws_are_uniform_over_the_subsets(pool: int, number: int) -> None:
    times = 6000
    drawn = draw(torch.full((times,), pool), number, torch.Generator().manual_seed(0))
    found = Counter(tuple(sorted(row)) for row in drawn.tolist())
    subsets = list(combinations(range(pool), number))
    assert set(found) == set(subsets)
    expected = times / len(subsets)
    chi_square = sum((found[subset] - expected) ** 2 / expected for subset in subsets)
    freedom = len(subsets) - 1
    assert chi_square <= freedom + 4 * math.sqrt(2 * freedom)


def test_draws_from_pools_of_any_size() -> None:
    pools = torch.arange(12)
    drawn = draw(pools, 6, torch.Generator().manual_seed(1))
    for pool, row in zip(pools.tolist(), drawn.tolist(), strict=True):
        taken = [x for x in row if x < pool]
        assert len(set(taken)) == len(taken) == min(pool, 6)
        assert min(row) >= 0
    assert torch.equal(drawn, draw(pools, 6, torch.Generator().manual_seed(1)))
    assert not torch.equal(drawn, draw(pools, 6, torch.Generator().manual_seed(2)))


def _attracted(x: Tensor, gradient: Tensor) -> Tensor:
    """Whether descent moves each row towards e_1, the query: positives it does, others away."""
    towards = torch.eye(x.shape[1], dtype=x.dtype)[0] * x.square().sum(1, keepdim=True)
    return (gradient * (towards - x[:, :1] * x)).sum(1) < 0


def _drawn_entries(loss: nn.Module, *more: Tensor) -> tuple[Tensor, Tensor]:
    """Tell from the gradients of the queue and targets which of them are positives."""
    query, key = torch.eye(8, dtype=torch.float64)[:1].expand(40, 8), normal(40, 8)
    queue = normal(60, 8).requires_grad_()
    targets = normal(3, 8).requires_grad_()
    labels, queue_labels = torch.arange(40) % 3, torch.arange(60) % 3
    rows, hits = [], []
    for i in range(40):
        given = query[i : i + 1], key[i : i + 1], labels[i : i + 1], queue, queue_labels
        value = loss(*given, *((targets, *more) if more else ()))
        to_queue, to_targets = torch.autograd.grad(
            value, (queue, targets), allow_unused=True, materialize_grads=True
        )
        rows.append(_attracted(queue.detach(), to_queue))
        hits.append(_attracted(targets.detach(), to_targets))
    return torch.stack(rows), torch.stack(hits)


def test_the_right_number_of_the_right_class() -> None:
    generator = torch.Generator().manual_seed(0)
    same = (torch.arange(40) % 3)[:, None] == torch.arange(60) % 3
    drawn, _ = _drawn_entries(KCLLoss(1.0, 6, generator))
    assert (drawn & ~same).sum() == 0
    assert (drawn.sum(1) == 6).all()
    assert len({tuple(row.nonzero().flatten().tolist()) for row in drawn}) == 40
    assigned = torch.tensor([2, 0, 1])
    drawn, hit = _drawn_entries(TSCLoss(1.0, 1.0, True, 6, generator), assigned)
    assert (drawn.sum(1) == 6).all()
    assert (hit.long().argmax(1) == assigned[torch.arange(40) % 3]).all()
    assert (hit.sum(1) == 1).all()
    # Of 20 in the queue and the target, 15 are drawn: the target or one more of the queue.
    drawn, hit = _drawn_entries(TSCLoss(1.0, 1.0, False, 15, generator), assigned)
    assert (drawn.sum(1) + hit.sum(1) == 15).all()
    assert 20 <= hit.sum() <= 37


def test_the_generator_decides() -> None:
    given = normal(4, 3), normal(4, 3, seed=1), LABELS, normal(50, 3), torch.arange(50) % 3
    values = [KCLLoss(generator=torch.Generator().manual_seed(s))(*given) for s in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
    torch.manual_seed(0)
    first = KCLLoss()(*given)
    torch.manual_seed(0)
    assert first == KCLLoss()(*given)


def test_no_positive_no_loss() -> None:
    features = normal(3, 1, 4).requires_grad_()
    value = SupConLoss()(features, torch.arange(3))
    (gradient,) = torch.autograd.grad(value, features)
    assert value == 0
    assert (gradient == 0).all()


def test_nothing_to_contrast_with() -> None:
    query, key = normal(3, 4).requires_grad_(), normal(3, 4, seed=1)
    empty = torch.empty(0, 4, dtype=torch.float64)
    no_labels = torch.empty(0, dtype=torch.long)
    values = [KCLLoss()(query, key, torch.arange(3), empty, no_labels)]
    values += [RINCELoss(v)(query, key, empty, torch.empty(3, 0)) for v in ("in", "out", "out-in")]
    features = normal(3, 4, 4).requires_grad_()
    values.append(AttentionNCELoss()(features, torch.zeros(3, 3, dtype=torch.bool)))
    for value in values:
        gradients = torch.autograd.grad(value, (query, features), allow_unused=True)
        assert abs(value.item()) < 1e-12
        assert all(x is None or x.abs().max() < 1e-12 for x in gradients)


def test_ranks_are_those_of_the_whole_batch() -> None:
    # No entry of similarity 1, and a level that only one anchor has.
    similarity = torch.full((4, 5), -1.0)
    similarity[2, 3] = 0.4
    query, key, bank = normal(4, 3), normal(4, 3, seed=1), normal(5, 3)
    both = RINCELoss("in", 0.2, 0.2)(query, key, bank, similarity)
    first = RINCELoss("in", 0.2, 0.2)(query, key, bank, torch.full((4, 5), -1.0))
    q, c = (x / x.norm(dim=-1, keepdim=True) for x in (query[2], bank))
    logits = c @ q / 0.2
    torch.testing.assert_close(2 * both, first + logits.logsumexp(0) - logits[3])


@pytest.mark.parametrize("name", ["rnc", "supcon", "rince", "kcl", "tsc", "attention"])
def test_without_gradients(name: str) -> None:
    query, key, bank = normal(4, 3), normal(4, 3, seed=1), normal(5, 3)
    loss, given = {
        "rnc": (RnCLoss(), (normal(4, 2, 3), LABELS)),
        "supcon": (SupConLoss(), (normal(4, 2, 3), LABELS)),
        "rince": (RINCELoss(), (query, key, bank, SIMILARITY)),
        "kcl": (KCLLoss(), (query, key, LABELS, bank, QUEUE_LABELS)),
        "tsc": (
            TSCLoss(),
            (query, key, LABELS, bank, QUEUE_LABELS, normal(3, 3), torch.arange(3)),
        ),
        "attention": (AttentionNCELoss(), (normal(4, 4, 3),)),
    }[name]
    expected = loss(*given)
    assert not expected.requires_grad
    assert expected.dim() == 0
    assert "=" in repr(loss)
    upstream = given[0].clone().requires_grad_()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(loss(upstream, *given[1:]), expected)
            assert torch.equal(loss(*given), expected)
    (once,) = torch.autograd.grad(loss(upstream, *given[1:]), upstream)
    (thrice,) = torch.autograd.grad(3 * loss(upstream, *given[1:]), upstream)
    torch.testing.assert_close(thrice, 3 * once)


OTHERS = torch.ones(4, 3) > 0
F, Q, K = torch.ones(4, 4, 3), torch.ones(4, 3), torch.ones(5, 3)
NAN = Q.index_fill(0, torch.tensor([2]), math.nan)
TARGETS = torch.ones(3, 3)
QUEUED = Q, Q, LABELS, K, QUEUE_LABELS


@pytest.mark.parametrize(
    ("loss", "given", "message"),
    [
        (
            SupConLoss(),
            (Q, LABELS),
            r"features must be \(B, V, d\), got shape \(4, 3\); with one view, add \[:, None\]",
        ),
        (SupConLoss(), (F, LABELS[:3]), r"labels must be \(B,\) with B = 4, got shape \(3,\)"),
        (SupConLoss(), (F, LABELS.float()), "labels must be integers, got torch.float32"),
        (SupConLoss(), (F.long(), LABELS), "features must be floating point, got torch.int64"),
        (SupConLoss(), (F / 0, LABELS), "features must be finite, got 48 .* in 4 rows"),
        (SupConLoss(), (F[:0], LABELS[:0]), "B must be at least 1"),
        (SupConLoss(), (F[..., :0], LABELS), "d must be at least 1"),
        (AttentionNCELoss(), (F[:, :2],), r"V >= 3 views, got features \(4, 2, 3\)"),
        (AttentionNCELoss(), (F, torch.ones(4, 4)), "negatives must be torch.bool, got"),
        (AttentionNCELoss(), (F, OTHERS), r"negatives must be \(B, B\) with B = 4"),
        (RINCELoss(), (Q, Q, K, SIMILARITY[:3]), r"similarity must be \(B, K\) with B = 4, K = 5"),
        (RINCELoss(), (Q, Q, K, SIMILARITY + 1), "similarity must be at most 1, got 2.0"),
        (RINCELoss(), (Q, NAN, K, SIMILARITY), "positive must be finite, got 3 .* 1 rows: 2"),
        (RINCELoss(), (Q, Q, K, SIMILARITY / 0), "similarity must be finite"),
        (KCLLoss(), (Q, K, LABELS, K, QUEUE_LABELS), r"key must be \(B, d\) with B = 4, d = 3"),
        (KCLLoss(), (Q, Q, LABELS, K, LABELS), r"queue_labels must be \(K,\) with K = 5"),
        (TSCLoss(), (*QUEUED, TARGETS, LABELS), r"class_to_target must be \(C,"),
        (TSCLoss(), (*QUEUED, TARGETS[:2], LABELS[:2]), "labels must be in 0 .. C - 1 = 1, got"),
    ],
)  # fmt: skip
def test_bad_batches(loss: nn.Module, given: tuple[Tensor, ...], message: str) -> None:
    with pytest.raises(RncGraphError, match=message):
        loss(*given)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_bad_options(value: float) -> None:
    temperatures = [("temperature", loss) for loss in (RnCLoss, SupConLoss, KCLLoss, TSCLoss)]
    for name, loss in [*temperatures, ("d_neg", AttentionNCELoss), ("tau_max", RINCELoss)]:
        with pytest.raises(RncGraphError, match=f"{name} must be positive and finite, got"):
            loss(**{name: value})
    with pytest.raises(RncGraphError, match="variant must be one of in, out, out-in, got 'all'"):
        RINCELoss("all")
    with pytest.raises(RncGraphError, match="positives must be at least 1, or None for all"):
        KCLLoss(positives=0)
    with pytest.raises(RncGraphError, match="target_weight must be positive"):
        TSCLoss(target_weight=-1.0)
