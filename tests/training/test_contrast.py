from typing import Any

import pytest
import stages
import torch
from torch import Tensor, nn

from rnc_graph.encoders import Head
from rnc_graph.errors import BadValueError, RunError
from rnc_graph.losses import QueueLoss, RnCLoss
from rnc_graph.training import Contrast, FinetuneModule, StageConfig, TwoStage, infer
from rnc_graph.training.contrast import by_sample


class _Watched(QueueLoss):
    """Pulls queries to their keys, and keeps what it was given."""

    def __init__(self, queue_size: int = 10, momentum: float = 0.5) -> None:
        super().__init__(queue_size, momentum)
        self.seen: list[dict[str, Tensor]] = []

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        given = {"query": query.detach(), "key": key, "labels": labels, "queue": queue}
        self.seen.append({**given, "queue_labels": queue_labels})
        return (query - key).square().mean()


def test_every_view_is_a_query_and_the_next_view_its_key() -> None:
    encoder, objective = stages.Scaled(), _Watched()
    contrast = Contrast(objective, encoder)
    # Three views of two molecules, view after view.
    inputs = torch.tensor([[0.0], [1.0], [10.0], [11.0], [20.0], [21.0]])
    targets = torch.tensor([[5.0], [6.0]])
    contrast(encoder, inputs, encoder(inputs), targets)
    (seen,) = objective.seen
    assert seen["query"].flatten().tolist() == [0, 10, 20, 1, 11, 21]
    assert seen["key"].flatten().tolist() == [10, 20, 0, 11, 21, 1]
    assert seen["labels"].flatten().tolist() == [5, 5, 5, 6, 6, 6]
    assert seen["queue"].shape == (0, 1)
    assert seen["queue_labels"].shape == (0, 1)
    contrast(encoder, inputs, encoder(inputs), targets)
    pairs = zip(*(objective.seen[1][name].flatten().tolist() for name in QUEUE), strict=True)
    assert sorted(pairs) == [(0, 5), (1, 6), (10, 5), (11, 6), (20, 5), (21, 6)]


QUEUE = ("queue", "queue_labels")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda features: features.mean().detach(), "with a gradient, got one that is detached"),
        (lambda features: torch.tensor(1.0), "with a gradient, got one that is detached"),
        (lambda features: features.mean().item(), "expected a tensor, got float"),
        (lambda features: None, "expected a tensor, got NoneType"),
    ],
)
def test_a_loss_that_cannot_train_is_refused(value: Any, expected: str) -> None:
    class Own(nn.Module):
        def forward(self, features: Tensor, labels: Tensor) -> Any:
            return value(features)

    encoder, inputs, y = stages.Scaled(), torch.rand(4, 1), torch.rand(4, 1)
    with pytest.raises(RunError, match=f"loss Own: .*{expected}"):
        Contrast(Own(), encoder)(encoder, inputs, encoder(inputs), y)


class _OfEmbeddings(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features.mean()


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (nn.L1Loss(), "L1Loss compares predictions with targets, as head_loss does"),
        (nn.CrossEntropyLoss(), "CrossEntropyLoss compares predictions"),
        (
            _OfEmbeddings(),
            r"called with embeddings \(B, V, d\) and labels \(B, t\); _OfEmbeddings: ",
        ),
    ],
)
def test_a_loss_without_embeddings_and_labels_is_refused(loss: nn.Module, expected: str) -> None:
    with pytest.raises(BadValueError, match=f"loss: expected one .*{expected}"):
        Contrast(loss, stages.Scaled())
    with pytest.raises(BadValueError, match=f"loss: expected one .*{expected}"):
        TwoStage("gin", loss=loss)


def test_a_single_view_is_its_own_key() -> None:
    encoder, objective = stages.Scaled(), _Watched()
    inputs = torch.tensor([[0.0], [1.0]])
    Contrast(objective, encoder)(encoder, inputs, encoder(inputs), torch.zeros(2, 1))
    assert torch.equal(objective.seen[0]["key"], inputs)


def test_keys_come_from_the_slow_copy_of_encoder_and_projection() -> None:
    encoder, objective = stages.Scaled(), _Watched(momentum=0.75)
    projection = nn.Linear(1, 1, bias=False)
    nn.init.constant_(projection.weight, 2.0)
    contrast = Contrast(objective, encoder, projection)
    nn.init.constant_(encoder.scale, 5.0)
    nn.init.constant_(projection.weight, 6.0)
    inputs = torch.ones(1, 1)
    contrast(encoder, inputs, encoder(inputs), torch.zeros(1, 1))
    assert objective.seen[0]["query"].item() == 30
    # A quarter of the way from 1 to 5, and from 2 to 6.
    assert objective.seen[0]["key"].item() == 2 * 3


def test_the_queue_is_trained_with(problem: Any, toy: Any, brief: StageConfig) -> None:
    encoder, objective = toy(dropout=0.2), _Watched(queue_size=40)
    history = stages.pretrain(
        encoder,
        objective,
        *problem.data(views=2, transform=lambda batch, generator: batch + 0.0),
        config=brief,
        projection=Head(4, 3, (4,)),
    )
    sizes = [len(given["queue"]) for given in objective.seen]
    assert sizes == [0, 32, *[40] * 7]
    assert history[-1]["training_loss"] < history[0]["training_loss"]
    assert all(torch.isfinite(tensor).all() for tensor in encoder.state_dict().values())


def test_one_stage_with_a_queue(problem: Any, toy: Any, brief: StageConfig) -> None:
    def run() -> Tensor:
        encoder, head, objective = toy(dropout=0.5), Head(4, 1), _Watched()
        stages.regress(
            encoder, head, *problem.data(views=2), config=brief, loss=objective, loss_weight=0.5
        )
        assert len(objective.seen) == 9
        return infer(nn.Sequential(encoder, head), problem.validation())

    assert torch.equal(run(), run())


def test_the_momentum_encoder_gets_no_gradient(problem: Any, toy: Any, brief: Any) -> None:
    module = stages.silent(FinetuneModule(toy(), Head(4, 1), "l1", brief, _Watched(), 1.0))
    assert module.contrast is not None
    module.training_step(next(iter(problem.training())), 0).backward()
    assert all(parameter.grad is None for parameter in module.contrast.momentum.parameters())
    assert all(parameter.grad is not None for parameter in module.encoder.parameters())


def test_without_a_queue_the_objective_sees_the_projected_views(toy: Any) -> None:
    encoder, projection = toy(), nn.Linear(4, 3)
    contrast = Contrast(RnCLoss(), encoder, projection)
    inputs, targets = torch.randn(8, 6), torch.randn(4, 1)
    embedding = encoder(inputs)
    expected = RnCLoss()(by_sample(projection(embedding), 4), targets)
    torch.testing.assert_close(contrast(encoder, inputs, embedding, targets), expected)
    assert contrast.momentum is None
    assert contrast.queue is None


@pytest.mark.parametrize(("molecules", "views", "size"), [(3, 2, 4), (1, 3, 2), (4, 1, 1)])
def test_by_sample(molecules: int, views: int, size: int) -> None:
    features = torch.randn(views * molecules, size)
    found = by_sample(features, molecules)
    assert found.shape == (molecules, views, size)
    for b in range(molecules):
        for v in range(views):
            assert torch.equal(found[b, v], features[v * molecules + b])
