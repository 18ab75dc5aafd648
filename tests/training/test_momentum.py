from typing import Any

import pytest
import torch
from torch import nn

from rnc_graph.errors import RncGraphError
from rnc_graph.training import MomentumEncoder


def test_its_weights_follow_as_a_running_mean() -> None:
    followed = nn.Linear(2, 1, bias=False)
    nn.init.constant_(followed.weight, 1.0)
    copy = MomentumEncoder(followed, momentum=0.9)
    nn.init.constant_(followed.weight, 2.0)
    copy.update(followed)
    torch.testing.assert_close(copy.copy.weight, torch.full((1, 2), 1.1))
    copy.update(followed)
    torch.testing.assert_close(copy.copy.weight, torch.full((1, 2), 1.19))
    assert followed.weight.tolist() == [[2.0, 2.0]]


def test_no_gradient_passes_and_batch_statistics_are_its_own(toy: Any) -> None:
    followed = toy()
    copy = MomentumEncoder(followed, momentum=0.5)
    embedding = copy(torch.randn(8, 6))
    assert not embedding.requires_grad
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    assert all(parameter.requires_grad for parameter in followed.parameters())
    norm = followed.layers[1]
    assert torch.equal(norm.running_mean, torch.zeros(8))
    assert not torch.equal(copy.copy.layers[1].running_mean, torch.zeros(8))


@pytest.mark.parametrize("momentum", [-0.1, 1.0, float("nan")])
def test_a_momentum_out_of_range_is_refused(momentum: float) -> None:
    with pytest.raises(RncGraphError, match="momentum must be in"):
        MomentumEncoder(nn.Linear(1, 1), momentum)
