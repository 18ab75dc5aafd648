import copy
from typing import Any

import stages
import torch
from torch import Tensor, nn

from rnc_graph.data import Loader
from rnc_graph.encoders import Head
from rnc_graph.losses import RnCLoss
from rnc_graph.training import PretrainModule, StageConfig, infer


class _Nothing(nn.Module):
    """An objective of which no gradient comes."""

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        return 0 * features.sum()


class _Watched(nn.Module):
    """RnC, keeping what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []
        self.loss = RnCLoss()

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        self.seen.append((features.detach(), labels))
        return self.loss(features, labels)


def _state(module: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(module.state_dict())


def _moved(before: dict[str, Tensor], module: nn.Module) -> list[str]:
    return [name for name, tensor in module.state_dict().items() if not tensor.equal(before[name])]


def test_the_objective_sees_each_molecules_views_with_its_label(problem: Any) -> None:
    objective = _Watched()
    stages.pretrain(
        stages.Scaled(6),
        objective,
        *problem.data(views=3, transform=lambda batch, generator: batch + 0.0),
        config=StageConfig(epochs=1, learning_rate=1e-9),
    )
    assert len(objective.seen) == 3
    row_of = {float(target): row for row, target in enumerate(problem.targets)}
    for features, labels in objective.seen:
        assert features.shape == (len(labels), 3, 6)
        for views, label in zip(features, labels, strict=True):
            expected = problem.inputs[row_of[float(label)]].expand(3, 6)
            torch.testing.assert_close(views, expected)


def test_the_projection_stands_between_embedding_and_objective(
    problem: Any, toy: Any, brief: StageConfig
) -> None:
    objective, encoder, projection = _Watched(), toy(), nn.Linear(4, 3)
    before, unprojected = _state(encoder), _state(projection)
    stages.pretrain(encoder, objective, *problem.data(), config=brief, projection=projection)
    assert {features.shape[1:] for features, _ in objective.seen} == {(1, 3)}
    assert "layers.0.weight" in _moved(before, encoder)
    assert "weight" in _moved(unprojected, projection)
    assert infer(encoder, problem.validation()).shape == (16, 4)


def test_the_encoder_is_trained_and_left_without_projection_and_probe(
    problem: Any, toy: Any
) -> None:
    encoder = toy()
    before = _state(encoder)
    history = stages.pretrain(
        encoder,
        RnCLoss(),
        *problem.data(views=2),
        config=StageConfig(epochs=20, learning_rate=1e-2),
    )
    assert list(before) == list(encoder.state_dict())
    assert sorted(_moved(before, encoder)) == sorted(before)
    assert history[-1]["training_loss"] < history[0]["training_loss"] - 0.3
    assert min(row["validation_mae"] for row in history) < 0.9 * history[0]["validation_mae"]


def test_no_gradient_of_the_probe_reaches_the_encoder(problem: Any, toy: Any) -> None:
    encoder = toy()
    before = _state(encoder)
    history = stages.pretrain(
        encoder,
        _Nothing(),
        *problem.data(),
        config=StageConfig(epochs=10, learning_rate=3e-2, weight_decay=0),
    )
    # The batch statistics follow the data and nothing else.
    assert all("running" in name or "num_batches" in name for name in _moved(before, encoder))
    # While the probe did learn.
    assert history[-1]["validation_mae"] < 0.9 * history[0]["validation_mae"]


def test_the_loss_is_objective_plus_probe(problem: Any, toy: Any, brief: StageConfig) -> None:
    objective = RnCLoss()
    module = stages.silent(PretrainModule(toy(), objective, 1, brief))
    inputs, targets = next(iter(problem.training(views=2)))
    embedding = module.encoder(inputs)
    probe = (module.probe(embedding.detach()) - targets.repeat(2, 1)).abs().mean()
    views = torch.stack(embedding.chunk(2), dim=1)
    expected = objective(views, targets) + probe
    torch.testing.assert_close(module.training_step((inputs, targets), 0), expected)


def test_the_same_seed_gives_the_same_bits(problem: Any, toy: Any, brief: StageConfig) -> None:
    def run(seed: int) -> tuple[dict[str, Tensor], Any]:
        encoder = toy(dropout=0.5)
        history = stages.pretrain(
            encoder,
            RnCLoss(),
            *problem.data(views=2),
            config=brief,
            projection=Head(4, 4, (4,)),
            seed=seed,
        )
        return encoder.state_dict(), history

    (first, history), (second, same), (other, _) = run(0), run(0), run(1)
    assert history == same
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


def test_images_and_several_targets_are_trained_alike() -> None:
    class Convolutional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding_dim = 5
            self.layers = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

        def forward(self, images: Tensor) -> Tensor:
            return self.layers(images).flatten(1)

    torch.manual_seed(0)
    images = torch.rand(40, 3, 8, 8)
    targets = images.mean((2, 3))[:, :2]
    targets = (targets - targets.mean(0)) / targets.std(0)

    def batches(rows: Tensor, **options: Any) -> Loader:
        return stages.batches(images, targets, rows, 15, **options)

    def mirrored(batch: Tensor, generator: torch.Generator) -> Tensor:
        flip = torch.rand(len(batch), 1, 1, 1, generator=generator) < 0.5
        return torch.where(flip, batch.flip(3), batch)

    encoder = Convolutional()
    history = stages.pretrain(
        encoder,
        RnCLoss(),
        batches(torch.arange(30), shuffle_seed=0, views=2, transform=mirrored),
        batches(torch.arange(30, 40)),
        targets=2,
        config=StageConfig(epochs=20, learning_rate=3e-2),
    )
    assert history[-1]["training_loss"] < history[0]["training_loss"] - 0.01
    assert infer(encoder, batches(torch.arange(40))).shape == (40, 5)
