import numpy as np
import pytest
import torch

from rnc_graph.losses.pairwise import FEATURE_SIMILARITIES, LABEL_DISTANCES, ranks


def _points(rows: int, size: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "expected"), [("l1", [[7.0, 0.0]]), ("l2", [[5.0, 0.0]]), ("linf", [[4.0, 0.0]])]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8])
def test_label_distances(name: str, expected: list[list[float]], dtype: torch.dtype) -> None:
    a, b = torch.tensor([[1, 9]], dtype=dtype), torch.tensor([[4, 5], [1, 9]], dtype=dtype)
    assert LABEL_DISTANCES.get(name)(a, b).tolist() == expected


def test_ranks_share_ties_and_keep_what_is_missing() -> None:
    labels = torch.tensor([[5.0, 1.0], [5.0, torch.nan], [-2.0, 3.0], [1e30, 2.0]])
    expected = [[2.0, 0.5], [2.0, torch.nan], [0.5, 2.5], [3.5, 1.5]]
    torch.testing.assert_close(
        ranks(labels, labels), torch.tensor(expected, dtype=torch.float64), equal_nan=True
    )
    # The second target has 3 of 4 labels; the first two rows have the first target in common.
    distance = LABEL_DISTANCES.get("rank")
    found = distance(labels[:1].bfloat16(), labels.bfloat16())[0].tolist()
    assert found == pytest.approx([0.0, 0.0, 1.5 + 2 * 4 / 3, 1.5 + 4 / 3])
    whole = distance(labels, labels)
    assert torch.equal(whole[1:3], distance(labels[1:3], labels)), "blocks change nothing"


def test_equal_differences_of_ranks_tie_where_labels_are_missing() -> None:
    labels = torch.arange(64.0)[:, None].repeat(1, 2)
    labels[49:, 0] = torch.nan
    labels[:15, 1] = torch.nan
    distance = LABEL_DISTANCES.get("rank")(labels, labels)[20:40, 20:40]
    for offset in range(1, 20):
        assert len(distance.diagonal(offset).unique()) == 1


@pytest.mark.parametrize("scale", [1e20, 1e-23])
def test_the_distance_of_one_target_neither_overflows_nor_vanishes(scale: float) -> None:
    labels = scale * torch.tensor([[1.0], [2.0], [4.0]])
    expected = (labels - labels.T).abs()
    for name in ("l1", "l2", "linf"):
        torch.testing.assert_close(
            LABEL_DISTANCES.get(name)(labels, labels), expected, atol=0, rtol=1e-6
        )


def test_label_distance_is_rounded_in_the_labels_own_dtype() -> None:
    a, b = torch.tensor([[0.3]]), torch.tensor([[0.1]])
    distance = LABEL_DISTANCES.get("l1")(a, b)
    assert distance.dtype == torch.float32
    assert distance.item() == (a - b).abs().item() != (a.double() - b.double()).abs().item()


@pytest.mark.parametrize("targets", [1, 2, 3, 7, 16, 17, 40])
def test_label_distances_are_added_in_one_order(targets: int) -> None:
    """So that distances that tie on one device tie on all."""
    a, b = (_points(rows, targets, rows).float() for rows in (3, 5))

    def added(terms: list[np.float32]) -> np.float32:
        total = np.float32(0)
        for first in range(0, targets, 16):
            level = terms[first : first + 16]
            while len(level) > 1:
                odd = level[len(level) // 2 * 2 :]
                level = [x + y for x, y in zip(level[::2], level[1::2], strict=False)] + odd
            total += level[0]
        return total

    differences = a.numpy()[:, None] - b.numpy()[None]
    for name, term in (("l1", np.abs), ("l2", np.square)):
        found = LABEL_DISTANCES.get(name)(a, b).numpy()
        for (i, j), distance in np.ndenumerate(found):
            expected = added(list(term(differences[i, j])))
            root = np.float32(np.sqrt(np.float64(expected)))
            assert distance == (root if name == "l2" else expected)


@pytest.mark.parametrize("name", ["l1", "l2", "cosine"])
def test_feature_similarities(name: str) -> None:
    a, b = _points(4, 3, 0).requires_grad_(), _points(5, 3, 1).requires_grad_()
    found = FEATURE_SIMILARITIES.get(name)(a, b)
    expected = {
        "l1": lambda x, y: -(x - y).abs().sum(),
        "l2": lambda x, y: -(x - y).square().sum().sqrt(),
        "cosine": lambda x, y: (x @ y) / (x.norm() * y.norm()),
    }[name]
    for i in range(4):
        for j in range(5):
            assert found[i, j].item() == pytest.approx(expected(a[i], b[j]).item(), rel=1e-12)
    assert torch.autograd.gradcheck(FEATURE_SIMILARITIES.get(name), (a, b))


def test_cosine_with_a_zero_vector_is_zero() -> None:
    a = torch.zeros(1, 3, requires_grad=True)
    similarity = FEATURE_SIMILARITIES.get("cosine")(a, torch.ones(2, 3))
    torch.autograd.backward(similarity.sum())
    assert similarity.tolist() == [[0.0, 0.0]]
    assert a.grad is not None
    assert a.grad.isfinite().all()
