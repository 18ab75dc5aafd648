"""Predictions: in several threads, one for each input, and in the order of the data."""

import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DistributedSampler, RandomSampler
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import global_add_pool

from rnc_graph import TwoStage
from rnc_graph.data import GraphDataset, Loader
from rnc_graph.data.transforms import DropNodes
from rnc_graph.errors import BadValueError
from rnc_graph.losses import RnCLoss
from rnc_graph.training import TrainerConfig

OPTIONS = {"hidden_dim": 8, "layers": 2, "dropout": 0.5}
BRIEF = {"epochs": 1, "batch_size": 8}


@pytest.fixture(scope="module")
def graphs() -> list[Data]:
    """Twenty-four graphs of five nodes."""
    torch.manual_seed(0)
    ends = torch.tensor([[0, 1, 2, 3, 1, 2, 3, 4], [1, 2, 3, 4, 0, 1, 2, 3]])
    return [Data(x=torch.randn(5, 3), edge_index=ends, y=torch.randn(1, 1)) for _ in range(24)]


def two_stage(encoder: Any = "gin", **options: Any) -> TwoStage:
    given = {"encoder_options": OPTIONS} if encoder == "gin" else {}
    return TwoStage(encoder, **given, pretrain=BRIEF, finetune=BRIEF, **options)


@pytest.fixture(scope="module")
def fitted(graphs: list[Data]) -> TwoStage:
    return two_stage().fit(graphs)


def test_several_threads_predict_with_one_model(fitted: TwoStage, graphs: list[Data]) -> None:
    expected = fitted.predict(graphs)
    before = {name: tensor.clone() for name, tensor in fitted.state_dict().items()}
    wrong: list[int] = []

    def predict() -> None:
        for turn in range(20):
            if not torch.equal(fitted.predict(graphs), expected):
                wrong.append(turn)

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for name, tensor in fitted.state_dict().items():
        assert torch.equal(tensor, before[name]), name


class Watched(nn.Module):
    """Keeps the modes of its layers in training."""

    embedding_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4))
        self.seen: set[tuple[bool, ...]] = set()

    def forward(self, batch: Batch) -> Tensor:
        if torch.is_grad_enabled():
            self.seen.add(tuple(module.training for module in self.layers))
        return global_add_pool(self.layers(batch.x), batch.batch)


def test_predictions_leave_the_modes_of_all_parts(graphs: list[Data]) -> None:
    """In a trainer of one's own and in a further stage they train, but for a part that does not."""
    two = two_stage(Watched(), loss=RnCLoss()).pretrain(graphs)
    two.embed(graphs)
    assert two.encoder.seen == {(True, True, True)}
    # As one does to keep statistics.
    two.encoder.layers[2].eval()
    kept = two.encoder.layers[2].running_mean.clone()
    two.encoder.seen.clear()
    two.finetune(graphs).predict(graphs)
    assert two.encoder.seen == {(True, True, False)}
    assert torch.equal(two.encoder.layers[2].running_mean, kept)
    assert [module.training for module in two.encoder.layers] == [True, True, False]


class Unpooled(nn.Module):
    embedding_dim = 8

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 8)

    def forward(self, batch: Batch) -> Any:
        return self.layer(batch.x)


class Wider(Unpooled):
    def forward(self, batch: Batch) -> Any:
        pooled = global_add_pool(super().forward(batch), batch.batch)
        return torch.cat([pooled, pooled], 1)


class Pair(Unpooled):
    def forward(self, batch: Batch) -> Any:
        return super().forward(batch), 1


MISFITS = [
    # A multiple of the number of graphs, which looks like five views of each.
    (Unpooled, "expected outputs of .* rows, one for each graph, .* for nodes pooled"),
    (Wider, r"expected an embedding \(V \* B, 8\) .* got the shape \(.*, 16\)"),
    (Pair, "expected a tensor, got a tuple"),
]


@pytest.mark.parametrize(("encoder", "message"), MISFITS)
@pytest.mark.parametrize("loss", [RnCLoss(), None])
def test_an_embedding_has_a_row_for_each_graph(
    encoder: type[nn.Module], message: str, loss: nn.Module | None, graphs: list[Data]
) -> None:
    with pytest.raises(BadValueError, match=message):
        two_stage(encoder(), loss=loss).fit(graphs)


def test_nodes_are_no_embeddings_of_a_frozen_encoder(graphs: list[Data]) -> None:
    with pytest.raises(BadValueError, match="are the outputs for nodes pooled"):
        two_stage(Unpooled(), loss=None, freeze=True).fit(graphs)


class OfBatches(Unpooled):
    """Takes batches, and a part of a graph that it has a default for."""

    def forward(self, batch: Batch, edge_weight: Tensor | None = None) -> Tensor:
        return global_add_pool(self.layer(batch.x), batch.batch)


def test_a_module_with_a_width_may_have_options(graphs: list[Data]) -> None:
    assert two_stage(OfBatches()).fit(graphs).embed(graphs).shape == (24, 8)


class OfViews(Unpooled):
    """Takes the views of a sample in one input (B, V, 3)."""

    def forward(self, batch: Tensor) -> Tensor:
        return self.layer(batch).transpose(0, 1).flatten(0, 1)


def test_inputs_may_hold_views() -> None:
    data = torch.utils.data.TensorDataset(torch.randn(16, 2, 3), torch.randn(16, 1))
    two_stage(OfViews()).pretrain(torch.utils.data.DataLoader(data, 8))


class OfParts(nn.Module):
    """A module that names parts of a graph, none of which only graphs have."""

    def __init__(self, width: int | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 8)
        if width:
            self.embedding_dim = width

    def forward(self, x: Tensor, batch: Tensor) -> Tensor:
        return global_add_pool(self.layer(x), batch)


@pytest.mark.parametrize("width", [None, 8])
def test_a_module_gets_the_parts_that_it_names(width: int | None, graphs: list[Data]) -> None:
    two = two_stage(OfParts(width)).fit(graphs)
    assert two.embed(graphs).shape == (24, 8)


LOADERS: dict[str, tuple[Callable[[list[Data]], Any], str]] = {
    "batch sampler": (
        lambda graphs: DataLoader(
            graphs, batch_sampler=BatchSampler(RandomSampler(graphs), 8, False)
        ),
        "with a BatchSampler",
    ),
    "distributed": (
        lambda graphs: DataLoader(graphs, 8, sampler=DistributedSampler(graphs, 1, 0)),
        "with a DistributedSampler",
    ),
    "last dropped": (lambda graphs: DataLoader(graphs, 5, drop_last=True), "drop_last=True"),
    "ours shuffles": (lambda graphs: loader(graphs, shuffle_seed=0), "keeps its order"),
    "ours has views": (lambda graphs: loader(graphs, views=2), "without views"),
    "ours augments": (lambda graphs: loader(graphs, transform=DropNodes(0.5)), "without views"),
}


def loader(graphs: list[Data], **options: Any) -> Loader:
    return Loader(GraphDataset.from_pyg(graphs), 8, **options)


@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_whose_outputs_would_not_be_those_of_its_data(
    name: str, fitted: TwoStage, graphs: list[Data]
) -> None:
    make, message = LOADERS[name]
    with pytest.raises(BadValueError, match=message):
        fitted.predict(make(graphs))


def test_loaders_in_order(fitted: TwoStage, graphs: list[Data]) -> None:
    for given in (DataLoader(graphs, 5), loader(graphs)):
        torch.testing.assert_close(fitted.predict(given), fitted.predict(graphs))


def test_our_encoders_take_one_graph(fitted: TwoStage, graphs: list[Data]) -> None:
    copied = copy.deepcopy(fitted).eval()
    torch.testing.assert_close(copied.encoder(graphs[0]), fitted.embed(graphs[:1]))
    torch.testing.assert_close(copied(graphs[0]), fitted.predict(graphs[:1]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda:0"}, "device: .* without a number, got 'cuda:0'"),
        ({"device": torch.device("cpu")}, r"device: .* got device\(type='cpu'\)"),
        ({"loggers": True}, "loggers: expected a tuple of Lightning loggers, got a bool"),
    ],
)
def test_trainers_that_cannot_be_used(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        TrainerConfig(**options)
