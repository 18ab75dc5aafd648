"""Each loss against its definition written out as plain loops, and at its edges."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rnc_graph.errors import RncGraphError
from rnc_graph.losses import AttentionNCELoss, KCLLoss, RINCELoss, RnCLoss, SupConLoss, TSCLoss
from tests.losses.loops import agree, attention_nce, normal, rince, supcon, tsc


def _labels(count: int, classes: int, seed: int = 0) -> Tensor:
    return torch.randint(classes, (count,), generator=torch.Generator().manual_seed(seed))


DTYPES = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 1e-3, torch.bfloat16: 1e-2}
TEMPERATURES = st.sampled_from([0.01, 0.1, 1.0])
SEEDS = st.integers(0, 999)
SCALES = st.sampled_from([1e-4, 1.0, 1e4])
examples = settings(max_examples=30, deadline=None, derandomize=True)


@examples
@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), SEEDS, TEMPERATURES, SCALES)
def test_supcon(b: int, v: int, classes: int, seed: int, temperature: float, scale: float) -> None:
    labels = _labels(b, classes, seed)
    agree(
        lambda x: SupConLoss(temperature)(x, labels),
        lambda x: supcon(x, labels, temperature),
        scale * normal(b, v, 3, seed=seed),
    )


@examples
@given(
    st.integers(1, 4),
    st.integers(0, 7),
    st.sampled_from([[1.0], [0.5, 0.0], [1.0, 0.3, -1.0], [-1.0], [1.0, 0.8, 0.6, 0.1, -0.5]]),
    SEEDS,
    st.sampled_from([(0.1, 0.5), (0.01, 0.01), (0.0025, 0.01), (0.2, 0.05)]),
    st.sampled_from(["in", "out", "out-in"]),
    SCALES,
)
def test_rince(
    b: int,
    k: int,
    values: list[float],
    seed: int,
    taus: tuple[float, float],
    variant: str,
    scale: float,
) -> None:
    similarity = torch.tensor(values, dtype=torch.float64)[_labels(b * k, len(values), seed)]
    similarity = similarity.view(b, k)
    agree(
        lambda *x: RINCELoss(variant, *taus)(*x, similarity),
        lambda *x: rince(*x, similarity, variant, taus),
        scale * normal(b, 3, seed=seed),
        normal(b, 3, seed=seed + 1),
        normal(k, 3, seed=seed + 2),
        temperature=min(taus),
    )


@pytest.mark.parametrize("variant", ["in", "out", "out-in"])
@pytest.mark.parametrize("k", [0, 6])
def test_rince_with_levels_that_no_entry_has(variant: str, k: int) -> None:
    known = (1.0, 0.75, 0.5, 0.25, 0.0)
    similarity = torch.tensor([0.5, -1.0], dtype=torch.float64)[_labels(3 * k, 2)].view(3, k)
    inputs = [normal(n, 4, seed=i) for i, n in enumerate((3, 3, k))]
    agree(
        lambda *x: RINCELoss(variant, 0.1, 0.5)(*x, similarity, known),
        lambda *x: rince(*x, similarity, variant, (0.1, 0.5), known),
        *inputs,
    )
    # Known or found is one: the mean is over five levels in either case.
    half = RINCELoss(variant, 0.1, 0.5)(*inputs, similarity)
    whole = RINCELoss(variant, 0.1, 0.5)(*inputs, similarity, known)
    torch.testing.assert_close(5 * whole, (2 if k else 1) * half)


def test_rince_refuses_levels_that_are_no_similarities() -> None:
    inputs = [normal(2, 3, seed=i) for i in range(3)]
    with pytest.raises(RncGraphError, match=r"levels must be in \[0, 1\], got \[1\.5\]"):
        RINCELoss()(*inputs, torch.zeros(2, 2), [1.5])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rince_rounds_levels_as_the_similarities(dtype: torch.dtype) -> None:
    inputs = [normal(2, 3, seed=i) for i in range(3)]
    similarity = torch.tensor([[0.1, 0.7], [-1.0, 0.1]], dtype=dtype)
    loss = RINCELoss("in")
    torch.testing.assert_close(loss(*inputs, similarity, [0.1, 0.7]), loss(*inputs, similarity))


def test_rince_refuses_similarities_that_are_not_levels() -> None:
    inputs = [normal(2, 3, seed=i) for i in range(3)]
    similarity = torch.tensor([[0.1, 0.7], [-1.0, 0.1]]).double()
    message = r"one of the levels \[1\.0, 0\.7, 0\.1\], got 0\.69999998"
    with pytest.raises(RncGraphError, match=message):
        RINCELoss()(*inputs, similarity, [0.1, 0.7])


@pytest.mark.parametrize("variant", ["in", "out", "out-in"])
@pytest.mark.parametrize("tau", [0.01, 0.1])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_rince_in_blocks(
    monkeypatch: pytest.MonkeyPatch, variant: str, tau: float, dtype: torch.dtype
) -> None:
    monkeypatch.setattr("rnc_graph.losses.rince.LEVEL_ENTRIES", 2 * 21)
    monkeypatch.setattr("rnc_graph.losses.products.PRODUCT_ENTRIES", 5 * 21)
    similarity = torch.full((13, 20), -1.0)
    # The first anchors do not show all the levels that there are.
    similarity[6:] = torch.tensor([1.0, 0.5, 0.25, -1.0])[_labels(140, 4)].view(7, 20)
    agree(
        lambda *x: RINCELoss(variant, tau, 2 * tau)(*x, similarity),
        lambda *x: rince(*x, similarity, variant, (tau, 2 * tau)),
        *(normal(n, 4, seed=i, dtype=dtype) for i, n in enumerate((13, 13, 20))),
        tolerance=1e-9 if dtype == torch.float64 else 1e-4,
    )


@pytest.mark.parametrize("entries", [1, 40])
def test_blocks_of_the_batch(monkeypatch: pytest.MonkeyPatch, entries: int) -> None:
    monkeypatch.setattr("rnc_graph.losses.products.PRODUCT_ENTRIES", entries)
    labels, negatives = _labels(7, 3), _labels(49, 2).view(7, 7) == 0
    agree(lambda x: SupConLoss(0.1)(x, labels), lambda x: supcon(x, labels, 0.1), normal(7, 2, 3))
    agree(
        lambda x: AttentionNCELoss(0.1)(x, negatives),
        lambda x: attention_nce(x, negatives, 0.1, 1, 1),
        normal(7, 3, 3),
    )


def test_the_gradient_can_be_taken_twice() -> None:
    features, labels = normal(6, 4, 3).requires_grad_(), _labels(6, 3)
    values = [loss(features, labels) for loss in (RnCLoss(), SupConLoss())]
    values.append(AttentionNCELoss()(features))
    values.append(RINCELoss()(features[:, 0], features[:, 1], features[:, 2], -torch.eye(6)))
    for value in values:
        first, second = (
            torch.autograd.grad(scale * value, features, retain_graph=True)[0] for scale in (1, -2)
        )
        assert torch.equal(second, -2 * first)


def test_rince_leaves_out_the_least_likely() -> None:
    # Ratios about e^-20 beside ordinary ones: the means are of fewer.
    anchor = torch.eye(2, dtype=torch.float64)
    positive = torch.tensor([[-1.0, 0.1], [0.1, 1.0]], dtype=torch.float64)
    bank = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0]], dtype=torch.float64)
    similarity = torch.tensor([[-1.0, 0.5, -1.0], [0.5, -1.0, 0.5]])
    for variant in ("in", "out", "out-in"):
        agree(
            lambda *x, variant=variant: RINCELoss(variant, 0.1, 0.12)(*x, similarity),
            lambda *x, variant=variant: rince(*x, similarity, variant, (0.1, 0.12)),
            anchor,
            positive,
            bank,
        )
    alone = RINCELoss("in", 0.1, 0.1)(anchor[:1], positive[:1], bank[:1], similarity[:1, :1])
    assert alone == 0


@examples
@given(
    st.integers(1, 4), st.integers(0, 7), st.integers(1, 3), SEEDS, TEMPERATURES, SCALES,
    st.sampled_from([None, 1, 7]), st.booleans(),
)  # fmt: skip
def test_kcl_and_tsc(
    b: int,
    k: int,
    classes: int,
    seed: int,
    temperature: float,
    scale: float,
    positives: int | None,
    separate: bool,
) -> None:
    labels, queue_labels = _labels(b, classes, seed), _labels(k, classes + 1, seed + 1)
    assigned = torch.randperm(classes, generator=torch.Generator().manual_seed(seed))
    query = scale * normal(b, 3, seed=seed)
    key, queue = normal(b, 3, seed=seed + 1), normal(k, 3, seed=seed + 2)
    targets = normal(classes, 3, seed=seed + 3)
    if positives is not None:  # As many draws as there are: all of the class, and the target.
        positives = max(positives, k + 1)
    agree(
        lambda q, k, c: KCLLoss(temperature, positives)(q, k, labels, c, queue_labels),
        lambda q, k, c: tsc(q, k, labels, c, queue_labels, None, None, temperature),
        query,
        key,
        queue,
    )
    loss = TSCLoss(temperature, 0.3, separate, positives)
    agree(
        lambda q, k, c, t: loss(q, k, labels, c, queue_labels, t, assigned),
        lambda q, k, c, t: tsc(q, k, labels, c, queue_labels, t, assigned, temperature, 0.3),
        query,
        key,
        queue,
        targets,
    )


@examples
@given(st.integers(1, 4), st.integers(3, 6), st.sampled_from([None, 0.0, 0.5, 1.0]), SEEDS,
       st.sampled_from([(0.01, 1.0, 1.0), (0.5, 1.0, 1.0), (1.0, 0.1, 2.0)]), SCALES)  # fmt: skip
def test_attention_nce(
    b: int, v: int, density: float | None, seed: int, options: tuple[float, ...], scale: float
) -> None:
    negatives = None
    if density is not None:
        negatives = torch.rand(b, b, generator=torch.Generator().manual_seed(seed)) < density
    agree(
        lambda x: AttentionNCELoss(*options)(x, negatives),
        lambda x: attention_nce(x, negatives, *options),
        scale * normal(b, v, 3, seed=seed),
    )


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES.items())
@pytest.mark.parametrize("temperature", [0.01, 0.1])
def test_dtypes_and_a_zero_vector(dtype: torch.dtype, tolerance: float, temperature: float) -> None:
    labels, queue_labels = _labels(6, 3), _labels(9, 3)
    query, key, queue = (normal(n, 8, seed=i, dtype=dtype) for i, n in enumerate((6, 6, 9)))
    targets, assigned = normal(3, 8, dtype=dtype), torch.tensor([2, 0, 1])
    features = normal(6, 4, 8, dtype=dtype)
    similarity = torch.tensor([1.0, 0.5, -1.0])[_labels(54, 3)].view(6, 9)
    for zero in (False, True):
        if zero:
            query[0], features[0, 0] = 0, 0
        # The gradient at a zero vector is of no use, but finite.
        _agree_but_at_zero(
            lambda x: SupConLoss(temperature)(x, labels),
            lambda x: supcon(x, labels, temperature),
            features, tolerance)  # fmt: skip
        _agree_but_at_zero(
            AttentionNCELoss(temperature),
            lambda x: attention_nce(x, None, temperature, 1, 1),
            features, tolerance)  # fmt: skip
        for variant in ("in", "out", "out-in"):
            _agree_but_at_zero(
                lambda x, v=variant: RINCELoss(v, temperature, 0.3)(x, key, queue, similarity),
                lambda x, v=variant: rince(x, key, queue, similarity, v, (temperature, 0.3)),
                query, tolerance)  # fmt: skip
        given = key, labels, queue, queue_labels
        _agree_but_at_zero(
            lambda x, given=given: TSCLoss(temperature, positives=None)(
                x, *given, targets, assigned),
            lambda x, given=given: tsc(x, *given, targets, assigned, temperature),
            query, tolerance)  # fmt: skip


def _agree_but_at_zero(
    loss: Callable[[Tensor], Tensor], loops: Callable[[Tensor], Tensor], x: Tensor, tolerance: float
) -> None:
    first, second = x.clone().requires_grad_(), x.double().clone().requires_grad_()
    value, right = loss(first), loops(second)
    assert value.dtype == torch.promote_types(x.dtype, torch.float32)
    assert value.item() == pytest.approx(right.item(), rel=min(tolerance, 1e-4))
    (gradient,), (expected,) = torch.autograd.grad(value, first), torch.autograd.grad(right, second)
    assert gradient.isfinite().all()
    assert gradient.dtype == x.dtype
    expected = expected.masked_fill((x == 0).all(-1, keepdim=True), 0)
    gradient = gradient.masked_fill((x == 0).all(-1, keepdim=True), 0)
    assert (gradient.double() - expected).abs().max() <= tolerance * expected.abs().max()
