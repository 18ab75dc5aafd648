"""The published implementations' values, in the dtypes, and through torch.compile."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnc_graph.losses import (
    AttentionNCELoss,
    KCLLoss,
    RINCELoss,
    RnCLoss,
    SupConLoss,
    TSCLoss,
    assign_targets,
)
from tests.losses.loops import with_gradient

STORED = np.load(Path(__file__).parent / "data" / "losses.npz")
COUNTS = {"rnc": 6, "supcon": 2, "rince": 6, "tsc": 4, "att": 4}
CASES = [(name, case) for name, count in COUNTS.items() for case in range(count)]


def _stored(name: str, case: int) -> dict[str, Any]:
    prefix = f"{name}{case}_"
    arrays = {key[len(prefix) :]: STORED[key] for key in STORED.files if key.startswith(prefix)}
    return {key: a.item() if a.ndim == 0 else torch.from_numpy(a) for key, a in arrays.items()}


def _ranked_similarity(case: dict[str, Any]) -> Tensor:
    """Anchors x bank: -1 beyond the most similar classes, itself first and ties in index order."""
    ranked = torch.full_like(case["similarity"], -1)
    for i, row in enumerate(case["similarity"].tolist()):
        nearest = sorted(range(len(row)), key=lambda j: (j != i, -row[j], j))
        for j in nearest[: case["ranked_classes"]]:
            ranked[i, j] = row[j]
    return ranked[case["labels"]][:, case["bank_labels"]]


def _case(name: str, case: int) -> tuple[nn.Module, Tensor, list[Tensor], float, Tensor]:
    """Return the loss, its first input, the others, and the value and gradient they should give."""
    c = _stored(name, case)
    loss: nn.Module
    gradient = c["grad"]
    if name == "rnc":
        loss, first, others = RnCLoss(c["temperature"]), c["features"], [c["labels"]]
    elif name == "supcon":
        loss, first, others = SupConLoss(c["temperature"]), c["features"], [c["labels"]]
    elif name == "att":
        loss = AttentionNCELoss(c["temperature"], c["d_pos"], c["d_neg"])
        first, others, gradient = c["views"].transpose(0, 1), [], gradient.transpose(0, 1)
    elif name == "rince":
        loss = RINCELoss(c["variant"], c["tau_min"], c["tau_max"])
        first, others = c["anchor"], [c["positive"], c["bank"], _ranked_similarity(c)]
    else:
        loss = KCLLoss(c["temperature"], positives=None)
        first, others = c["query"], [c[x] for x in ("key", "labels", "queue", "queue_labels")]
        if c["targeted"]:
            options = c["temperature"], c["target_weight"], c["separate_targets"]
            loss = TSCLoss(*options, positives=None)
            others += [c["targets"], c["class_to_target"]]
    return loss, first, others, c["loss"], gradient


def _agrees(
    found: tuple[Tensor, Tensor], value: float, gradient: Tensor, tolerances: tuple[float, float]
) -> None:
    assert found[0].item() == pytest.approx(value, rel=tolerances[0])
    assert (found[1] - gradient).abs().max() <= tolerances[1] * gradient.abs().max()


@pytest.mark.parametrize(("name", "case"), CASES)
def test_published_values(name: str, case: int) -> None:
    loss, first, others, value, gradient = _case(name, case)
    _agrees(with_gradient(loss, first, *others), value, gradient, (1e-6, 1e-5))


# RnC ties are of the labels' own dtype: its labels stay as they are.
@pytest.mark.parametrize(("name", "case"), CASES)
def test_float32(name: str, case: int) -> None:
    loss, first, others, value, gradient = _case(name, case)
    if name != "rnc":
        others = [x.float() if x.is_floating_point() else x for x in others]
    found = with_gradient(loss, first.float(), *others)
    assert found[0].dtype == found[1].dtype == torch.float32
    _agrees(found, value, gradient, (1e-4, 1e-4))


@pytest.mark.parametrize("name", COUNTS)
def test_autocast_changes_nothing(name: str) -> None:
    loss, first, others, *_ = _case(name, 0)
    others = [x.float() if x.is_floating_point() else x for x in others]
    value, gradient = with_gradient(loss, first.float(), *others)
    first = first.float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(first, *others)
    assert torch.equal(found, value)
    assert torch.equal(torch.autograd.grad(found, first)[0], gradient)


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_compiled(name: str) -> None:
    try:
        torch.compile(torch.sin)(torch.ones(2))
    except Exception as error:
        pytest.skip(f"no working compiler: {error}")
    torch.compiler.reset()
    for case in range(COUNTS[name]):
        loss, first, others, value, gradient = _case(name, case)
        # Code is generated for one case, which takes many seconds; graphs are captured for all.
        backend = "inductor" if (name, case) == ("rnc", 0) else "aot_eager"
        compiled = torch.compile(loss, dynamic=True, backend=backend)
        _agrees(with_gradient(compiled, first, *others), value, gradient, (1e-6, 1e-5))


@pytest.mark.parametrize("case", [1, 2, 3])
def test_published_assignment(case: int) -> None:
    c = _stored("tsc", case)
    assert torch.equal(assign_targets(c["centroids_after"], c["targets"]), c["class_to_target"])


@pytest.mark.parametrize("case", [1, 2, 3])
def test_published_parts(case: int) -> None:
    c = _stored("tsc", case)
    loss, first, others, value, _ = _case("tsc", case)
    assert isinstance(loss, TSCLoss)
    loss_class, loss_target = loss.parts(first, *others)
    assert loss_class.item() == pytest.approx(c["loss_class"], rel=1e-6)
    assert loss_target.item() == pytest.approx(c["loss_target"], rel=1e-6)
    assert (loss_class + loss_target).item() == pytest.approx(value, rel=1e-6)
