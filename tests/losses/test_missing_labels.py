"""Labels that lack targets: each loss against loops over what is comparable."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rnc_graph.errors import RncGraphError
from rnc_graph.losses import AttentionNCELoss, RINCELoss, RnCLoss
from rnc_graph.losses.pairwise import LABEL_DISTANCES
from tests.losses.loops import agree, normal, rince

NAN = math.nan


def _labels(samples: int, targets: int, missing: float, seed: int = 0) -> Tensor:
    """Return labels of few values, so that they tie, with a share of them missing."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(5, (samples, targets), generator=generator).double() / 4
    lost = torch.rand(samples, targets, generator=generator) < missing
    return values.masked_fill(lost, NAN)


def _distance(a: Tensor, b: Tensor, name: str = "l1") -> float:
    """Return the distance over the targets both have, NaN without any."""
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    common = [abs(x - y) for x, y in pairs if not (math.isnan(x) or math.isnan(y))]
    if not common:
        return NAN
    scale = len(a) / len(common)
    return {
        "l1": sum(common) * scale,
        "l2": math.sqrt(sum(x * x for x in common) * scale),
        "linf": max(common),
    }[name]


def _rnc(features: Tensor, labels: Tensor, name: str, temperature: float = 2.0) -> Tensor:
    samples, views, _ = features.shape
    points, sample_of = (
        features.double().flatten(0, 1),
        [b for b in range(samples) for _ in range(views)],
    )
    terms = []
    for i in range(len(points)):
        d = {
            k: round(_distance(labels[sample_of[i]], labels[sample_of[k]], name), 9)
            for k in range(len(points))
            if k != i
        }
        s = {k: -torch.linalg.vector_norm(points[i] - points[k]) / temperature for k in d}
        known = [k for k in d if not math.isnan(d[k])]
        terms += [
            torch.stack([s[k] for k in known if d[k] >= d[j]]).logsumexp(0) - s[j] for j in known
        ]
    return torch.stack(terms).mean() if terms else 0 * features.double().sum()


@pytest.mark.parametrize("name", ["l1", "l2", "linf"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_are_estimated_from_the_common_targets(name: str, dtype: torch.dtype) -> None:
    a, b = _labels(9, 3, 0.4, 0).to(dtype), _labels(11, 3, 0.4, 1).to(dtype)
    found = LABEL_DISTANCES.get(name)(a, b)
    expected = torch.tensor([[_distance(x, y, name) for y in b] for x in a], dtype=dtype)
    assert expected.isnan().any()
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected, equal_nan=True)
    # Labels that lack nothing are as far from each other as among themselves alone.
    whole_a, whole_b = ~a.isnan().any(1), ~b.isnan().any(1)
    alone = LABEL_DISTANCES.get(name)(a[whole_a], b[whole_b])
    assert alone.numel() > 0
    assert torch.equal(found[whole_a][:, whole_b], alone)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    samples=st.integers(2, 7),
    views=st.integers(1, 2),
    targets=st.integers(1, 4),
    missing=st.sampled_from([0.1, 0.4, 0.8, 1.0]),
    name=st.sampled_from(["l1", "l2", "linf"]),
    scale=st.sampled_from([1.0, 1e4]),
    seed=st.integers(0, 99),
)
def test_rnc_against_loops(
    samples: int, views: int, targets: int, missing: float, name: str, scale: float, seed: int
) -> None:
    labels = _labels(samples, targets, missing, seed)
    if name == "l2":
        # Roots of sums that are equal round apart: no ties here.
        labels += 0.01 * normal(samples, targets, seed=seed)
    agree(
        lambda x: RnCLoss(label_diff=name)(x, labels),
        lambda x: _rnc(x, labels, name),
        scale * normal(samples, views, 3, seed=seed),
        tolerance=1e-6 if scale > 1 else 1e-9,
    )


@pytest.mark.parametrize("as_function", [False, True])
@pytest.mark.parametrize("entries", [1, 1 << 20])
def test_rnc_in_blocks_and_with_functions(
    monkeypatch: pytest.MonkeyPatch, entries: int, as_function: bool
) -> None:
    for name in ("rnc.BLOCK_ENTRIES", "ranked.DISTANCE_ENTRIES", "ranked.PART_ENTRIES"):
        monkeypatch.setattr(f"rnc_graph.losses.{name}", entries)
    labels = _labels(12, 2, 0.4)
    similarity = (lambda a, b: -torch.cdist(a, b)) if as_function else "l2"
    agree(
        lambda x: RnCLoss(feature_sim=similarity)(x, labels),
        lambda x: _rnc(x, labels, "l1"),
        normal(12, 1, 3),
        tolerance=1e-9,
    )


def test_rnc_gradcheck() -> None:
    labels = _labels(6, 2, 0.4, seed=3)
    assert 0 < labels.isnan().sum() < 12
    assert torch.autograd.gradcheck(
        lambda x: RnCLoss()(x, labels), normal(6, 2, 3).requires_grad_()
    )


@pytest.mark.parametrize(
    "labels", [torch.full((4, 2), NAN), torch.tensor([[0.0, NAN], [NAN, 1.0]]).repeat(2, 1)[:2]]
)
def test_nothing_comparable_is_0_with_a_graph(labels: Tensor) -> None:
    features = normal(len(labels), 1, 3).requires_grad_()
    value = RnCLoss()(features, labels)
    (gradient,) = torch.autograd.grad(value, features)
    assert value == 0
    assert (gradient == 0).all()


def test_infinite_labels_and_distances_without_a_reason_are_refused() -> None:
    features = normal(3, 2, 3)
    with pytest.raises(RncGraphError, match=r"NaN where missing, got 1 infinite .* 1 rows: 2"):
        RnCLoss()(features, torch.tensor([NAN, 0.0, math.inf]))
    own = RnCLoss(label_diff=lambda a, b: (a - b.T).abs())
    labels = torch.tensor([NAN, 0.0, 1.0])
    torch.testing.assert_close(own(features, labels), RnCLoss()(features, labels))


@pytest.mark.parametrize("variant", ["in", "out", "out-in"])
@pytest.mark.parametrize("taus", [(0.1, 0.3), (0.01, 0.02)])
def test_rince_leaves_out_entries_without_a_similarity(
    monkeypatch: pytest.MonkeyPatch, variant: str, taus: tuple[float, float]
) -> None:
    monkeypatch.setattr("rnc_graph.losses.rince.LEVEL_ENTRIES", 2 * 10)
    generator = torch.Generator().manual_seed(0)
    kinds = torch.tensor([1.0, 0.5, -1.0, NAN])
    similarity = kinds[torch.randint(4, (5, 9), generator=generator)]
    similarity[1] = NAN
    positive, bank = normal(5, 3, seed=1), normal(9, 3, seed=2)
    loss = RINCELoss(variant, *taus)
    agree(
        lambda x: loss(x, positive, bank, similarity),
        lambda x: rince(x, positive, bank, similarity, variant, taus),
        normal(5, 3),
        tolerance=1e-9,
    )
    agree(
        lambda x: loss(positive, positive, x, similarity),
        lambda x: rince(positive, positive, x, similarity, variant, taus),
        bank,
        tolerance=1e-9,
    )
    # An entry that all leave out is as good as not there.
    similarity[:, 4] = NAN
    kept = torch.arange(9) != 4
    torch.testing.assert_close(
        loss(positive, positive, bank, similarity),
        loss(positive, positive, bank[kept], similarity[:, kept]),
    )


def test_attention_nce_leaves_out_positives() -> None:
    features = normal(4, 5, 3)
    negatives = ~torch.eye(4, dtype=torch.bool)
    negatives[0, 1] = negatives[3, 2] = False
    counts = [3, 1, 2, 0]
    positives = torch.arange(3) < torch.tensor(counts)[:, None]
    loss = AttentionNCELoss(0.5, 0.7, 1.3)

    def by_sample(x: Tensor) -> Tensor:
        # Each sample on its own: all others are left without a positive.
        terms = []
        for i, count in enumerate(counts[:3]):
            only = torch.zeros(4, count, dtype=torch.bool)
            only[i] = True
            terms.append(loss(x[:, : 2 + count], negatives, only))
        return torch.stack(terms).mean()

    def plain(x: Tensor) -> Tensor:
        z = x / x.norm(dim=-1, keepdim=True)
        terms = []
        for i, count in enumerate(counts[:3]):
            for v in range(2):
                pos = z[i, 2 : 2 + count] @ z[i, v]
                pos = ((pos / 0.7).softmax(0).detach() * pos).sum() / 0.5
                neg = torch.stack([z[i, v] @ z[j, w] for j in range(4) for w in range(2)
                                   if j != i and negatives[i, j]])  # fmt: skip
                beta = ((neg / 1.3).softmax(0) + 1e-6).detach() * len(neg)
                terms.append(torch.cat((pos[None], beta * neg / 0.5)).logsumexp(0) - pos)
        return torch.stack(terms).mean()

    agree(lambda x: loss(x, negatives, positives), plain, features, tolerance=1e-9)
    torch.testing.assert_close(loss(features, negatives, positives), by_sample(features))
    everything = torch.ones(4, 3, dtype=torch.bool)
    torch.testing.assert_close(loss(features, negatives, everything), loss(features, negatives))
    features.requires_grad_()
    none = loss(features, negatives, ~everything)
    (gradient,) = torch.autograd.grad(none, features)
    assert none == 0
    assert (gradient == 0).all()
    with pytest.raises(RncGraphError, match=r"positives must be \(B, P\) with B = 4, P = 3"):
        loss(features, negatives, everything[:, :2])
