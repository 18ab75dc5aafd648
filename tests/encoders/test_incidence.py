"""Sums over the members of rows, and their gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.encoders.incidence import Incidence
from rnc_graph.errors import BadValueError


@st.composite
def memberships(draw: st.DrawFn) -> tuple[Incidence, torch.Tensor, torch.Tensor]:
    rows, width = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    index = draw(st.lists(st.integers(0, rows - 1), max_size=8))
    torch.manual_seed(draw(st.integers(0, 9)))
    return (
        Incidence(torch.tensor(index, dtype=torch.long), rows),
        torch.randn(rows, width, dtype=torch.float64, requires_grad=True),
        torch.randn(len(index), width, dtype=torch.float64, requires_grad=True),
    )


@given(memberships())
def test_rows_and_sums_are_those_of_a_loop(case: tuple[Incidence, torch.Tensor, torch.Tensor]):
    incidence, rows, members = case
    index = incidence.index.tolist()
    taken, added, mean = incidence.take(rows), incidence.add(members), incidence.mean(members)
    assert taken.shape == members.shape
    for member, row in enumerate(index):
        assert torch.equal(taken[member], rows[row])
    for row in range(len(rows)):
        own = members[[at for at, of in enumerate(index) if of == row]]
        assert incidence.counts[row] == len(own)
        torch.testing.assert_close(added[row], own.sum(0))
        torch.testing.assert_close(mean[row], own.sum(0) / max(len(own), 1))


@given(memberships())
def test_gradients(case: tuple[Incidence, torch.Tensor, torch.Tensor]):
    incidence, rows, members = case
    assert torch.autograd.gradcheck(incidence.take, rows)
    assert torch.autograd.gradcheck(incidence.add, members)
    assert torch.autograd.gradgradcheck(lambda x: incidence.take(x).square(), rows)
    assert torch.autograd.gradgradcheck(lambda x: incidence.add(x).square(), members)


def test_members_are_counted():
    with pytest.raises(BadValueError, match="expected 3 members, got 4"):
        Incidence(torch.tensor([2, 0, 2]), 3).add(torch.ones(4, 1))
