import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from torch import Tensor, nn

from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.losses import RnCLoss
from rnc_graph.losses.pairwise import FEATURE_SIMILARITIES, l2_similarity
from tests.losses.loops import with_gradient

ROOT = Path(__file__).parents[2]
NAN = float("nan")


def _batch(
    samples: int, views: int, *, size: int = 8, targets: int = 1, scale: float = 1.0, seed: int = 0
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = scale * torch.randn(samples, views, size, generator=generator)
    labels = torch.randn(samples, targets, generator=generator)
    return features, labels.mul(100).round().div(100)


def _by_loops(features: Tensor, labels: Tensor, temperature: float = 2.0) -> Tensor:
    """Write Eq. 2 of the paper as plain loops over (B, V, d) and (B, t).

    Distances of labels are taken in their own dtype, all else in float64.
    """
    samples, views, _ = features.shape
    points = [features[b, v].double() for b in range(samples) for v in range(views)]
    targets = [labels[b] for b in range(samples) for _ in range(views)]
    count = len(points)
    total = torch.zeros((), dtype=torch.float64)
    for i in range(count):
        others = [k for k in range(count) if k != i]
        s = {k: -torch.linalg.vector_norm(points[i] - points[k]) / temperature for k in others}
        d = {k: (targets[i] - targets[k]).abs().sum() for k in others}
        for j in others:
            not_nearer = torch.stack([s[k] for k in others if d[k] >= d[j]])
            total = total - (s[j] - not_nearer.logsumexp(0))
    return total / (count * (count - 1))


def _agrees(
    features: Tensor, labels: Tensor, loss_tolerance: float = 1e-5, tolerance: float = 1e-5
) -> None:
    value, gradient = with_gradient(RnCLoss(), features, labels)
    points = features.detach().clone().requires_grad_()
    right = _by_loops(points, labels)
    (right_gradient,) = torch.autograd.grad(right, points)
    assert value.item() == pytest.approx(right.item(), rel=loss_tolerance, abs=1e-30)
    worst = (gradient.double() - right_gradient.double()).abs().max()
    assert worst <= tolerance * right_gradient.abs().max()


@pytest.mark.parametrize(
    ("samples", "views", "targets"),
    [(2, 1, 1), (1, 2, 1), (1, 3, 1), (9, 1, 1), (8, 2, 1), (6, 3, 1), (8, 2, 3), (9, 1, 3)],
)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_against_loops(samples: int, views: int, targets: int, scale: float) -> None:
    features, labels = _batch(samples, views, targets=targets, scale=scale)
    _agrees(features, labels, *((1e-4, 1e-3) if scale > 1 else (1e-5, 1e-5)))


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("views", [1, 2])
def test_ties(views: int, scale: float) -> None:
    features, labels = _batch(12, views, scale=scale)
    _agrees(features, labels.mul(2).round().div(2))
    _agrees(features, torch.ones_like(labels))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.integers(0, 5), min_size=2, max_size=7),
    views=st.integers(1, 3),
    seed=st.integers(0, 99),
    scale=st.sampled_from([1e-3, 1.0, 300.0, 1e4]),
)
def test_any_small_batch(labels: list[int], views: int, seed: int, scale: float) -> None:
    features, _ = _batch(len(labels), views, size=3, scale=scale, seed=seed)
    _agrees(features, torch.tensor(labels)[:, None] / 10)


def test_ties_are_those_of_the_labels_own_dtype() -> None:
    features, _ = _batch(40, 1)
    labels = torch.arange(40)[:, None] / 100
    value, _ = with_gradient(RnCLoss(), features, labels)
    wide, _ = with_gradient(RnCLoss(), features, labels.double())
    # The same labels in float64 tie elsewhere: the difference is the one the loops see.
    assert abs(value - wide) > 1e-4 * value
    _agrees(features, labels)
    _agrees(features, labels.double())


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, scale: float) -> None:
    features, labels = _batch(11, 2, scale=scale)
    value, gradient = with_gradient(RnCLoss(), features, labels)
    rows = 11 * 2 * 2
    for entries, part in ((1, 1), (3 * rows, 1), (5 * rows, 2 * rows), (1 << 20, 3 * rows)):
        monkeypatch.setattr("rnc_graph.losses.ranked.DISTANCE_ENTRIES", entries)
        monkeypatch.setattr("rnc_graph.losses.ranked.PART_ENTRIES", part)
        blocked, blocked_gradient = with_gradient(RnCLoss(), features, labels)
        torch.testing.assert_close(blocked, value)
        torch.testing.assert_close(blocked_gradient, gradient)


@pytest.mark.parametrize("scale", [1e-25, 1e-3, 1.0, 1e25])
@pytest.mark.parametrize("name", ["l1", "l2", "linf"])
def test_one_target_at_any_scale(name: str, scale: float) -> None:
    # The distances of one target are differences: their squares would leave float32's range.
    features, labels = _batch(12, 2)
    value, gradient = with_gradient(RnCLoss(label_diff=name), features, scale * labels)
    own = RnCLoss(label_diff=lambda a, b: (a - b.T).abs())
    same, same_gradient = with_gradient(own, features, scale * labels)
    torch.testing.assert_close((value, gradient), (same, same_gradient), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("similarity", ["l2", "l1", "cosine"])
def test_named_similarities_are_those_of_functions(similarity: str) -> None:
    features, labels = _batch(10, 2)
    features[3, 0] = features[5, 1]
    labels = torch.cat((labels[:8], torch.full((2, 1), NAN)))
    pairwise = FEATURE_SIMILARITIES.get(similarity)
    for targets in (labels, torch.cat((labels, labels.flip(0)), 1)):
        found = with_gradient(RnCLoss(feature_sim=similarity), features.double(), targets)
        own = RnCLoss(feature_sim=pairwise)
        torch.testing.assert_close(found, with_gradient(own, features.double(), targets))


@pytest.mark.parametrize("spread", [600.0, 1200.0, 1500.0, 1e6])
def test_exponents_beyond_float64(spread: float) -> None:
    # Similarities down to -spread / 2, on both sides of what exp can hold.
    features = torch.tensor([0.0, 0.5, spread, spread + 1, spread + 1.5]).reshape(5, 1, 1)
    _agrees(features, torch.tensor([[0.0], [3.0], [1.0], [2.0], [2.0]]))


@pytest.mark.parametrize("gap", [1e-3, 1e-7])
def test_near_embeddings_far_out(gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clusters, far apart and far from the origin: a product of matrices cancels there."""
    features = torch.randn(12, 1, 8, generator=torch.Generator().manual_seed(0)).double() * gap
    features = (features + 1e4 - 2e4 * (torch.arange(12) > 5)[:, None, None]).requires_grad_()

    def gradient(similarity: Any) -> Tensor:
        loss = RnCLoss(temperature=gap, feature_sim=similarity)
        return torch.autograd.grad(loss(features, torch.arange(12)), features)[0]

    found, expected = gradient("l2"), gradient(l2_similarity)
    assert (found - expected).abs().max() <= 1e-3 * expected.abs().max()
    monkeypatch.setattr("rnc_graph.losses.pairwise._NEAR_PAIRS", 5)
    assert torch.equal(gradient("l2"), found)


def test_coincident_embeddings() -> None:
    features = torch.full((4, 2, 3), 1e4)
    value, gradient = with_gradient(RnCLoss(), features, torch.arange(4.0))
    assert value.isfinite()
    assert (gradient == 0).all()
    features[0] += 1
    _agrees(features, torch.arange(4.0)[:, None])


def test_gradcheck() -> None:
    features, labels = _batch(5, 2, size=3)
    for similarity in ("l2", "l1", "cosine"):
        loss = RnCLoss(feature_sim=similarity)
        points = features.double().requires_grad_()
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, labels), points)


def test_order_of_views_and_samples_does_not_matter() -> None:
    features, labels = _batch(9, 3)
    value = RnCLoss()(features, labels)
    torch.testing.assert_close(RnCLoss()(features.flip(1), labels), value)
    shuffled = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(RnCLoss()(features[shuffled], labels[shuffled]), value)


@pytest.mark.parametrize("name", ["l2", "linf"])
def test_label_distance_changes_the_ranking(name: str) -> None:
    features, labels = _batch(8, 1, targets=3)
    order = {"l2": 2.0, "linf": float("inf")}[name]
    value = RnCLoss(label_diff=name)(features, labels)
    own = RnCLoss(label_diff=lambda a, b: torch.cdist(a, b, p=order))(features, labels)
    torch.testing.assert_close(value, own)
    assert value != RnCLoss()(features, labels)


def _ranked(labels: Tensor) -> Tensor:
    return torch.tensor(rankdata(labels.double().numpy(), axis=0, nan_policy="omit"))


@pytest.mark.parametrize("targets", [1, 3])
def test_ranks_of_labels(targets: int) -> None:
    features, labels = _batch(12, 2, targets=targets)
    labels = labels.mul(2).round().exp()  # Ties, and a long tail.
    found = with_gradient(RnCLoss(label_diff="rank"), features, labels)
    points = features.detach().clone().requires_grad_()
    right = _by_loops(points, _ranked(labels))
    (gradient,) = torch.autograd.grad(right, points)
    assert found[0].item() == pytest.approx(right.item())
    torch.testing.assert_close(found[1].double(), gradient.double(), rtol=1e-5, atol=1e-7)
    # An order-preserving transform of a target changes nothing.
    again = with_gradient(RnCLoss(label_diff="rank"), features, labels**3)
    torch.testing.assert_close(found, again)


def test_ranks_of_labels_that_are_missing_tie_as_those_of_the_others() -> None:
    # 64 labels, 49 known: scaled by 64 / 49, most equal differences of ranks would round apart.
    features, labels = _batch(64, 1)
    labels[:15] = NAN
    found = with_gradient(RnCLoss(label_diff="rank"), features, labels)
    torch.testing.assert_close(found, with_gradient(RnCLoss(), features, _ranked(labels)))
    known, _ = with_gradient(RnCLoss(), features[15:], _ranked(labels[15:]))
    torch.testing.assert_close(found[0], known)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.bfloat16])
def test_ranks_of_labels_of_any_type(dtype: torch.dtype) -> None:
    features, labels = _batch(9, 2)
    labels = labels.mul(3).round().to(dtype)
    value, _ = with_gradient(RnCLoss(label_diff="rank"), features, labels)
    expected, _ = with_gradient(RnCLoss(), features, _ranked(labels))
    torch.testing.assert_close(value, expected)


class _Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(0.3))
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.log_scale.exp() * (a @ b.T)


@pytest.mark.parametrize("entries", [1, 1 << 20])
@pytest.mark.parametrize("as_function", [False, True])
@pytest.mark.parametrize("feature_gradient", [False, True])
def test_learned_similarity_receives_gradients(
    monkeypatch: pytest.MonkeyPatch, entries: int, as_function: bool, feature_gradient: bool
) -> None:
    monkeypatch.setattr("rnc_graph.losses.rnc.BLOCK_ENTRIES", entries)
    features, labels = _batch(6, 2)
    features.requires_grad_(feature_gradient)
    module = _Scaled()
    similarity = module.forward if as_function else module
    loss = RnCLoss(temperature=1.0, feature_sim=similarity)
    torch.autograd.backward(loss(features, labels))
    assert (features.grad is not None) == feature_gradient

    def at(log_scale: float) -> float:
        fixed = RnCLoss(1.0, feature_sim=lambda a, b: np.exp(log_scale) * (a @ b.T))
        with torch.no_grad():
            return float(fixed(features.double(), labels))

    slope = (at(0.3 + 1e-4) - at(0.3 - 1e-4)) / 2e-4
    assert module.log_scale.grad is not None
    assert module.log_scale.grad.item() == pytest.approx(slope, rel=1e-4)


def test_callables_may_return_any_strides() -> None:
    features, labels = _batch(6, 2)
    own = RnCLoss(
        label_diff=lambda a, b: torch.cdist(b, a, p=1.0).T,
        feature_sim=lambda a, b: -torch.cdist(b.double(), a.double()).T,
    )
    for found, expected in zip(
        with_gradient(own, features, labels),
        with_gradient(RnCLoss(), features, labels),
        strict=True,
    ):
        torch.testing.assert_close(found, expected)


def test_integer_and_flat_labels() -> None:
    features, _ = _batch(6, 2)
    labels = torch.tensor([0, 3, 250, 1, 3, 7])
    expected = RnCLoss()(features, labels[:, None].double())
    for given_labels in (labels, labels[:, None], labels.to(torch.uint8), labels.to(torch.int32)):
        assert RnCLoss()(features, given_labels) == expected


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype: torch.dtype) -> None:
    features, labels = _batch(8, 2)
    features = features.to(dtype)
    value, gradient = with_gradient(RnCLoss(), features, labels)
    wide, wide_gradient = with_gradient(RnCLoss(), features.double(), labels)
    assert value.dtype == torch.promote_types(dtype, torch.float32)
    assert gradient.dtype == dtype
    assert torch.equal(value, wide.to(value.dtype))
    assert torch.equal(gradient, wide_gradient.to(dtype))


def test_same_bits_twice() -> None:
    features, labels = _batch(64, 2, size=32)
    first, second = (with_gradient(RnCLoss(), features, labels) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.ones(0, 2, 3), torch.ones(0, 1), "B must be at least 1, got features"),
        (torch.ones(1, 1, 3), torch.ones(1, 1), "got B = 1, V = 1"),
        (torch.ones(4, 0, 3), torch.ones(4, 1), "V must be at least 1, got features"),
        (torch.ones(4, 2, 3), torch.ones(5, 1), r"labels .* with B = 4, got shape \(5, 1\)"),
        (torch.ones(4, 3), torch.ones(4, 1), r"\(B, V, d\), got shape \(4, 3\)"),
        (torch.ones(4, 2, 3), torch.ones(4, 1, 1), r"\(B, t\) .*, got shape \(4, 1, 1\)"),
        (torch.ones(4, 2, 3), torch.tensor(1.0), r"got shape \(\)"),
        (torch.ones(4, 2, 0), torch.ones(4, 1), "d must be at least 1, got features"),
        (torch.ones(4, 2, 3), torch.ones(4, 0), "t must be at least 1, got labels"),
        (torch.ones(4, 2, 3).long(), torch.ones(4, 1), "floating point, got torch.int64"),
        (torch.ones(4, 2, 3).cfloat(), torch.ones(4, 1), "floating point, got torch.complex64"),
        (torch.ones(4, 2, 3), torch.ones(4, 1).cfloat(), "labels must be real, got torch.complex"),
        (
            torch.ones(4, 2, 3),
            torch.tensor([2**53, 2**53 + 1, 0, 1]),
            "labels must be integers below 9007199254740992 in size, .* got 9007199254740992",
        ),
        (torch.ones(2, 2, 3), torch.tensor([-(2**63), 0]), "got -9223372036854775808"),
        (
            torch.ones(4, 2, 3).index_fill(0, torch.tensor([1, 3]), NAN),
            torch.ones(4, 1),
            "features must be finite, got 12 NaN or infinite values in 2 rows: 1, 3",
        ),
        (
            torch.ones(4, 2, 3),
            torch.tensor([0.0, 1.0, float("inf"), 2.0]),
            "labels must be finite, or NaN where missing, got 1 infinite values in 1 rows: 2",
        ),
    ],
)
def test_bad_batches(features: Tensor, labels: Tensor, message: str) -> None:
    with pytest.raises(RncGraphError, match=message):
        RnCLoss()(features, labels)


def test_bad_callables() -> None:
    features, labels = _batch(4, 2, size=3)
    with pytest.raises(RncGraphError, match=r"feature_sim must return shape \(8, 8\), got \(8,"):
        RnCLoss(feature_sim=lambda a, _: a)(features, labels)
    with pytest.raises(RncGraphError, match=r"label_diff must return shape \(4, 4\), got \(4, 1"):
        RnCLoss(label_diff=lambda a, _: a)(features, labels)
    with pytest.raises(RncGraphError, match="label_diff returned 16 NaN values"):
        RnCLoss(label_diff=lambda a, b: (a - b.T) * NAN)(features, labels)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="label distance 'l3'; known: l1, l2, linf"):
        RnCLoss(label_diff="l3")
    with pytest.raises(UnknownNameError, match="feature similarity 'dot'; known: cosine, l1, l2"):
        RnCLoss(feature_sim="dot")


@pytest.mark.slow
def test_importing_the_losses_needs_torch_alone() -> None:
    program = (
        "import sys\n"
        "import torch\n"
        "before = {name.split('.')[0] for name in sys.modules}\n"
        "import rnc_graph.losses\n"
        "after = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(after - before - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert run.stdout.strip() == "['rnc_graph']"
