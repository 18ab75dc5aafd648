"""Dropout by few random bits."""

import pytest
import torch

from rnc_graph.encoders.dropout import Dropout, kept_


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_drops_as_many_and_keeps_the_mean(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    out = Dropout(probability)(torch.ones(999, 301, dtype=dtype))
    assert out.dtype == dtype
    # Within four standard errors.
    share, error = (
        (out == 0).double().mean(),
        (probability * (1 - probability) / out.numel()) ** 0.5,
    )
    assert abs(share - probability) < 4 * error
    kept = out[out != 0].double()
    assert kept.unique().numel() == 1
    rounding = 4e-3 if dtype == torch.bfloat16 else 1e-4  # To a multiple of 2^-16.
    assert kept[0] == pytest.approx(1 / (1 - probability), rel=rounding)


def test_entries_that_share_a_number_are_dropped_independently() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).view(-1, 4).double()
    assert (kept.T.corrcoef() - torch.eye(4)).abs().max() < 4 / 100_000**0.5


def test_gradients_are_of_the_kept() -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 7, requires_grad=True)
    out = Dropout(0.3)(x)
    out.sum().backward()
    torch.testing.assert_close(x.grad * x, out)


def test_the_same_seed_drops_the_same() -> None:
    x = torch.ones(5, 7)
    drawn = [torch.manual_seed(seed) and Dropout(0.5)(x) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("probability", [0.0, 1e-9])
def test_none_of_none(probability: float) -> None:
    x = torch.randn(5, 7)
    assert torch.equal(Dropout(probability)(x), x)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_all() -> None:
    assert not Dropout(1.0)(torch.ones(5, 7)).any()


@pytest.mark.parametrize("dropped", [1, 6554, 2**16 - 1])
def test_the_lowest_numbers_are_dropped(dropped: int) -> None:
    numbers = torch.arange(-(2**15), 2**15)
    kept = kept_(numbers.float(), dropped)
    assert torch.equal(kept, (numbers >= dropped - 2**15).float())


def test_as_pytorchs_dropout_where_it_is_not_ours() -> None:
    x = torch.ones(50)
    assert Dropout(0.5, inplace=True)(x) is x
    assert (x == 0).any()
    with pytest.raises(RuntimeError):
        Dropout(0.5)(torch.ones(5, dtype=torch.long))
