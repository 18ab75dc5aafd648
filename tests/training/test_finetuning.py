import copy
from typing import Any

import pytest
import stages
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from rnc_graph import TwoStage
from rnc_graph.data import GraphDataset, Subset
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.errors import BadValueError
from rnc_graph.losses import RnCLoss
from rnc_graph.training import FinetuneConfig, FinetuneModule, StageConfig, infer


def _gradient(loss: Tensor, module: nn.Module) -> Tensor:
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients])


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("name", ["gcn", "gin", "mpnn"])
def test_frozen_means_frozen(name: str, mode: bool, esol_graphs: GraphDataset) -> None:
    torch.manual_seed(0)
    encoder = ENCODERS.make(name, hidden_dim=8, dropout=0.5).train(mode)
    before = copy.deepcopy(encoder.state_dict())
    targets = torch.randn(1128, 1)
    rows = torch.arange(60)
    embedding = infer(encoder, stages.batches(esol_graphs, targets, rows, 25))
    assert embedding.shape == (60, 16)
    assert not embedding.requires_grad
    assert [module.training for module in encoder.modules()] == [mode] * len(
        list(encoder.modules())
    )
    head = Head(16, 1, (4,))
    untrained = copy.deepcopy(head.state_dict())
    stages.regress(
        nn.Identity(),
        head,
        stages.batches(embedding, targets, torch.arange(40), 10, shuffle_seed=0),
        stages.batches(embedding, targets, torch.arange(40, 60)),
        config=StageConfig(epochs=2, weight_decay=0.1),
    )
    for key, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, before[key]), key
    for key, tensor in head.state_dict().items():
        assert not torch.equal(tensor, untrained[key]), key
    # In evaluation mode, or dropout and batch statistics would show.
    again = infer(encoder, stages.batches(esol_graphs, targets, rows, 7))
    torch.testing.assert_close(again, embedding, rtol=1e-5, atol=1e-5)


def test_infer_puts_the_mode_back_after_an_error(toy: Any) -> None:
    encoder = toy().train()
    with pytest.raises(RuntimeError):
        infer(encoder, [(torch.zeros(2, 99), torch.zeros(2, 1))])
    assert encoder.training


def test_infer_puts_the_mode_of_each_part_back(toy: Any) -> None:
    encoder = toy().train()
    encoder.layers[1].eval()  # As one does to keep the statistics of a pretrained encoder.
    infer(encoder, [(torch.zeros(2, 6), torch.zeros(2, 1))])
    assert not encoder.layers[1].training


def test_fine_tuning_moves_encoder_and_head(problem: Any, toy: Any, brief: StageConfig) -> None:
    encoder, head = toy(), Head(4, 1)
    before = copy.deepcopy([encoder.state_dict(), head.state_dict()])
    stages.regress(encoder, head, *problem.data(), config=brief)
    for module, state in zip((encoder, head), before, strict=True):
        for key, tensor in module.state_dict().items():
            assert not torch.equal(tensor, state[key]), key


@pytest.mark.parametrize("head_loss", ["l1", "l2", "huber"])
def test_each_head_loss_learns_and_is_what_its_name_says(
    head_loss: Any, problem: Any, toy: Any, brief: StageConfig
) -> None:
    encoder, head = toy(), Head(4, 1)
    module = stages.silent(FinetuneModule(encoder, head, head_loss, brief))
    inputs, targets = next(iter(problem.training()))
    inputs, targets = inputs.repeat(2, 1), 3 * targets  # Two views; errors on both sides of 1.
    error = (head(encoder(inputs)) - targets.repeat(2, 1)).abs()
    assert (error > 1).any()
    assert (error < 1).any()
    expected = {
        "l1": error,
        "l2": error**2,
        "huber": torch.where(error < 1, error**2 / 2, error - 0.5),
    }[head_loss]
    torch.testing.assert_close(module.training_step((inputs, targets), 0), expected.mean())
    history = stages.regress(
        encoder,
        head,
        *problem.data(),
        head_loss=head_loss,
        config=StageConfig(epochs=30, learning_rate=2e-2),
    )
    assert min(row["validation_mae"] for row in history) < 0.5 * history[0]["validation_mae"]


def test_joint_training_adds_the_weighted_objective(
    problem: Any, toy: Any, brief: StageConfig
) -> None:
    encoder, head, objective, weight = toy(), Head(4, 1), RnCLoss(), 0.3
    inputs, targets = next(iter(problem.training()))
    inputs = torch.cat([inputs, inputs + 0.1])

    def step(*joint: Any) -> Tensor:
        module = stages.silent(FinetuneModule(encoder, head, "l1", brief, *joint))
        return module.training_step((inputs, targets), 0)

    embedding = encoder(inputs)
    loss = F.l1_loss(head(embedding), targets.repeat(2, 1))
    contrast = objective(torch.stack([embedding[:16], embedding[16:]], dim=1), targets)
    torch.testing.assert_close(step(), loss)
    torch.testing.assert_close(step(objective, weight), loss + weight * contrast)
    joint, plain = _gradient(step(objective, weight), encoder), _gradient(step(), encoder)
    added = _gradient(objective(torch.stack(encoder(inputs).chunk(2), 1), targets), encoder)
    torch.testing.assert_close(joint, plain + weight * added, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(joint, plain, rtol=1e-2)
    # A projection stands before the objective and not before the head.
    projection = nn.Linear(4, 3)
    projected = objective(torch.stack(projection(encoder(inputs)).chunk(2), 1), targets)
    torch.testing.assert_close(step(objective, weight, projection), loss + weight * projected)
    assert not torch.allclose(projected, contrast)


def test_joint_training_runs_and_differs(problem: Any, toy: Any, brief: StageConfig) -> None:
    def run(weight: float) -> Tensor:
        encoder = toy()
        stages.regress(
            encoder,
            Head(4, 1),
            *problem.data(views=2),
            config=brief,
            loss=RnCLoss(),
            loss_weight=weight,
        )
        return encoder.layers[0].weight

    assert torch.equal(run(1.0), run(1.0))
    assert not torch.equal(run(1.0), run(0.0))


def test_the_same_seed_gives_the_same_bits(problem: Any, toy: Any, brief: StageConfig) -> None:
    def run(seed: int) -> tuple[dict[str, Tensor], Any]:
        model = nn.Sequential(toy(dropout=0.5), Head(4, 1))
        history = stages.regress(
            *model, *problem.data(), head_loss="huber", config=brief, seed=seed
        )
        return model.state_dict(), history

    (first, history), (second, same), (other, _) = run(0), run(0), run(1)
    assert history == same
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    assert not torch.equal(first["0.layers.0.weight"], other["0.layers.0.weight"])


def test_infer_keeps_the_order(problem: Any, toy: Any) -> None:
    encoder = toy().eval()
    rows = torch.tensor([5, 3, 60, 3, 9])
    found = infer(encoder, stages.batches(problem.inputs, problem.targets, rows, 2))
    torch.testing.assert_close(found, encoder(problem.inputs[rows]).detach())


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"learning_rate": 0}, {"batch_size": 1}, {"schedule": "two"}, {"epoch": 3}],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        StageConfig(**wrong)


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_the_optimizer_has_the_settings(name: Any, kind: type) -> None:
    settings = StageConfig(
        optimizer=name, learning_rate=0.5, weight_decay=0.25, schedule="constant"
    )
    optimizer = settings.configure(nn.Linear(2, 1).parameters(), 10)
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["weight_decay"] == 0.25


def test_the_head_learns_first(problem: Any, toy: Any) -> None:
    inputs, targets = problem.inputs, problem.targets
    data = [Subset(inputs, rows, targets[rows]) for rows in problem.rows]
    shared = {"learning_rate": 1e-2}
    model = TwoStage(toy(), loss=None, finetune={"epochs": 2, "head_epochs": 3, **shared}).fit(
        *data
    )
    assert [len(model.history[stage]) for stage in ("head", "finetune")] == [3, 2]

    frozen = TwoStage(toy(), loss=None, freeze=True, finetune={"epochs": 3, **shared}).fit(*data)
    both = TwoStage(toy(), loss=None, finetune={"epochs": 2, **shared}).build(data[0])
    both.load_state_dict(frozen.state_dict())
    both.finetune(*data)
    assert torch.equal(both.predict(data[1]), model.predict(data[1]))
    assert not torch.equal(frozen.predict(data[1]), model.predict(data[1]))


def test_the_encoder_learns_at_its_own_rate(problem: Any, toy: Any) -> None:
    def moved(**config: Any) -> list[dict[str, Tensor]]:
        """Return how far a single step moves the parameters of encoder and head."""
        modules = toy(), Head(4, 1)
        before = [dict(copy.deepcopy(module).named_parameters()) for module in modules]
        once = {"epochs": 1, "optimizer": "sgd", "schedule": "constant", "weight_decay": 0.0}
        whole = problem.training(batch_size=1_000)
        stages.regress(*modules, whole, None, head_loss="l2", config=once | config)
        return [
            {name: value - old[name] for name, value in module.named_parameters()}
            for module, old in zip(modules, before, strict=True)
        ]

    encoder, head = moved(learning_rate=0.5)
    slow_encoder, same_head = moved(learning_rate=0.5, encoder_learning_rate=0.125)
    for name, step in encoder.items():
        torch.testing.assert_close(slow_encoder[name], step / 4, rtol=1e-3, atol=1e-6)
    assert all(torch.equal(same_head[name], step) for name, step in head.items())


def test_a_frozen_encoder_does_not_learn_later_or_slower(toy: Any) -> None:
    for field in ({"head_epochs": 2}, {"encoder_learning_rate": 1e-4}):
        with pytest.raises(BadValueError, match="the head alone learns"):
            TwoStage(toy(), freeze=True, finetune=field)
    with pytest.raises(BadValueError, match="pretrain: expected a StageConfig"):
        TwoStage(toy(), pretrain=FinetuneConfig())
