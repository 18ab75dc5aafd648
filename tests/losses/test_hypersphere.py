from itertools import permutations

import pytest
import torch

from rnc_graph.errors import RncGraphError
from rnc_graph.losses import (
    assign_targets,
    hypersphere_targets,
    ordered_prototypes,
    target_uniformity,
)


@pytest.mark.parametrize(("classes", "d"), [(1, 1), (1, 5), (2, 1), (10, 128), (6, 5), (129, 128)])
def test_simplex(classes: int, d: int) -> None:
    targets = hypersphere_targets(classes, d)
    assert targets.shape == (classes, d)
    assert targets.dtype == torch.float64
    expected = torch.full((classes, classes), -1 / max(1, classes - 1), dtype=torch.float64)
    torch.testing.assert_close(targets @ targets.T, expected.fill_diagonal_(1))


def test_more_classes_than_a_simplex_holds() -> None:
    targets = hypersphere_targets(20, 3)
    assert torch.equal(targets, hypersphere_targets(20, 3))
    assert not torch.equal(targets, hypersphere_targets(20, 3, seed=1))
    torch.testing.assert_close(targets.norm(dim=1), torch.ones(20, dtype=torch.float64))
    # Four in the plane are a square.
    square = hypersphere_targets(4, 2)
    found = (square @ square.T).sort(dim=1).values
    torch.testing.assert_close(
        found, torch.tensor([-1.0, 0, 0, 1]).double().expand(4, 4), atol=1e-3, rtol=0
    )


@pytest.mark.slow
def test_as_far_apart_as_published() -> None:
    assert target_uniformity(hypersphere_targets(1000, 128)) <= 14.2869


@pytest.mark.parametrize(("classes", "d"), [(1, 1), (2, 1), (10, 9), (10, 128)])
def test_ordered(classes: int, d: int) -> None:
    targets = ordered_prototypes(classes, d)
    i = torch.arange(classes)
    expected = 1 - 2 * (i[:, None] - i).abs().double() / max(1, classes - 1)
    torch.testing.assert_close(targets @ targets.T, expected)
    assert targets.shape == (classes, d)
    assert torch.equal(targets, ordered_prototypes(classes, d))


def test_seeds_turn_the_targets() -> None:
    for make in (hypersphere_targets, ordered_prototypes):
        assert not torch.allclose(make(5, 8), make(5, 8, seed=1))


def test_assignment_is_the_best_of_all() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        centroids, targets = torch.randn(2, 5, 3, generator=generator)
        unit = [x / x.norm(dim=1, keepdim=True) for x in (centroids, targets)]
        cosine = unit[0] @ unit[1].T
        best = max(permutations(range(5)), key=lambda p: float(cosine[range(5), p].sum()))
        assert assign_targets(centroids, targets).tolist() == list(best)


def test_uniformity() -> None:
    assert target_uniformity(3 * torch.eye(4), temperature=0.5) == pytest.approx(
        torch.tensor([2.0, 0, 0, 0]).logsumexp(0).item()
    )


def test_bad_sizes() -> None:
    with pytest.raises(RncGraphError, match="C and d must be at least 1, got C = 0, d = 3"):
        hypersphere_targets(0, 3)
    with pytest.raises(RncGraphError, match="take d >= C - 1 = 4 dimensions, got 3"):
        ordered_prototypes(5, 3)
    with pytest.raises(RncGraphError, match=r"targets must be \(C, d\) with C = 3, d = 2"):
        assign_targets(torch.ones(3, 2), torch.ones(2, 2))
