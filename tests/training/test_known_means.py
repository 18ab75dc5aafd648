"""Training on targets with gaps."""

from typing import Any

import pytest
import stages
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Batch

from rnc_graph.data import GraphDataset
from rnc_graph.data.bounds import exact, weighted_bounds
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.errors import RncGraphError
from rnc_graph.losses import RnCLoss
from rnc_graph.training import StageConfig, infer
from rnc_graph.training.head_losses import KnownMAE, mean_over_known

NAN = float("nan")


@pytest.mark.parametrize("loss", [F.l1_loss, F.mse_loss, F.huber_loss])
def test_the_mean_is_over_the_known(loss: Any) -> None:
    predicted = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    targets = torch.tensor([[0.5, NAN], [NAN, 1.0]])
    value = mean_over_known(loss, predicted, targets)
    expected = loss(torch.tensor([1.0, 4.0]), torch.tensor([0.5, 1.0]))
    assert value == expected
    (gradient,) = torch.autograd.grad(value, predicted)
    assert ((gradient != 0) == ~targets.isnan()).all()
    nothing = mean_over_known(loss, predicted, torch.full((2, 2), NAN))
    (gradient,) = torch.autograd.grad(nothing, predicted)
    assert nothing == 0
    assert (gradient == 0).all()


def test_the_mae_of_a_part_is_no_mean_of_batch_means() -> None:
    metric = KnownMAE()
    metric.update(torch.zeros(3, 2), torch.tensor([[1.0, 1.0], [1.0, NAN], [NAN, NAN]]))
    metric.update(torch.zeros(1, 2), torch.tensor([[9.0, NAN]]))
    metric.update(torch.zeros(2, 2), torch.full((2, 2), NAN))
    assert metric.compute() == pytest.approx((3 * 1 + 9) / 4)


def _stage(stage: str, toy: Any, training: Any, validation: Any, targets: int) -> Any:
    config = StageConfig(epochs=15, learning_rate=2e-2)
    encoder, head = toy(), Head(4, targets)
    if stage == "pretrain":
        history = stages.pretrain(
            encoder, RnCLoss(), training, validation, targets=targets, config=config
        )
    else:
        history = stages.regress(encoder, head, training, validation, config=config)
    return history, encoder, head


@pytest.mark.parametrize("stage", ["pretrain", "regress"])
def test_each_stage_learns_from_what_is_known(stage: str, problem: Any, toy: Any) -> None:
    problem.targets = torch.cat([problem.targets, -problem.targets], 1)
    whole = problem.targets.clone()
    generator = torch.Generator().manual_seed(0)
    problem.targets[torch.rand(64, 2, generator=generator) < 0.4] = NAN
    problem.targets[:16] = NAN  # Molecules without any, more than a batch can be full of.
    validation = problem.rows[1]
    batches = stages.batches(problem.inputs, problem.targets, validation, 5)
    history, encoder, head = _stage(stage, toy, problem.training(8), batches, 2)
    maes = [row["validation_mae"] for row in history]
    assert min(maes) < 0.8 * maes[0]
    if stage == "regress":
        # The weights are those of the best epoch: its MAE is found again, over the known.
        error = (infer(nn.Sequential(encoder, head), batches) - whole[validation]).abs()
        known = ~problem.targets[validation].isnan()
        assert min(maes) == pytest.approx(error[known].mean().item(), rel=1e-5)


@pytest.mark.parametrize("stage", ["pretrain", "regress"])
def test_a_validation_part_without_a_known_target_is_an_error(
    stage: str, problem: Any, toy: Any
) -> None:
    problem.targets[problem.rows[1]] = NAN
    with pytest.raises(RncGraphError, match="validation set has no known target"):
        _stage(stage, toy, *problem.data(), 1)


class _Beside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = ENCODERS.make("gcn", hidden_dim=8, layers=1)

    def forward(self, inputs: tuple[Batch, Tensor]) -> Tensor:
        molecules, features = inputs
        return torch.cat([self.encoder(molecules), features], 1)


def test_inputs_may_be_graphs_with_features_beside_them(esol_graphs: GraphDataset) -> None:
    features = torch.randn(1128, 3, generator=torch.Generator().manual_seed(0))
    targets = features.sum(1, keepdim=True)
    targets[::5] = NAN

    def take(rows: Tensor) -> tuple[Batch, Tensor]:
        return esol_graphs.batch(rows), features[rows]

    model = _Beside()
    width = model.encoder.embedding_dim + 3
    history = stages.regress(
        model,
        nn.Linear(width, 1),
        stages.batches(take, targets, torch.arange(60), 16, shuffle_seed=0),
        stages.batches(take, targets, torch.arange(60, 80), 7),
        config=StageConfig(epochs=10, learning_rate=3e-2),
    )
    assert min(row["validation_mae"] for row in history) < 0.7 * history[0]["validation_mae"]
    assert infer(model, stages.batches(take, targets, torch.arange(9), 4)).shape == (9, width)
    # As Lightning moves a batch to its device.
    (molecules, beside), moved = move_data_to_device(
        (take(torch.arange(3)), targets[:3]), torch.device("meta")
    )
    assert {molecules.x.device.type, beside.device.type, moved.device.type} == {"meta"}


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(RncGraphError, match=r"predictions \(4, 3\), got \(4, 1\)"):
        KnownMAE().update(torch.ones(4, 3), torch.ones(4, 1))


@pytest.mark.parametrize("loss", [F.l1_loss, F.mse_loss, F.huber_loss])
def test_bounds_have_one_side_and_rows_have_weights(loss: Any) -> None:
    predicted = torch.tensor([[1.0], [3.0], [3.0], [0.0], [5.0]], requires_grad=True)
    values = torch.tensor([[2.0], [2.0], [2.0], [NAN], [2.0]])
    censored = torch.tensor([[1.0], [1.0], [-1.0], [0.0], [0.0]])
    weights = torch.tensor([0.5, 1.0, 1.5, 1.0, 1.0])
    targets = weighted_bounds(values, censored, weights)
    value = mean_over_known(loss, predicted, targets)
    # Above a lower bound there is no error; the fourth row is missing.
    two = torch.tensor(2.0)
    errors = [loss(torch.tensor(1.0), two), loss(torch.tensor(5.0), two)]
    assert value.item() == pytest.approx(float(0.5 * errors[0] + 1.5 * errors[0] + errors[1]) / 4)
    value.backward()
    assert predicted.grad is not None
    assert (predicted.grad[:, 0] != 0).tolist() == [True, False, True, False, True]
    assert exact(targets)[:, 0].isnan().tolist() == [True, True, True, True, False]
    metric = KnownMAE()
    metric.update(predicted.detach(), targets)
    assert metric.compute() == 3.0
