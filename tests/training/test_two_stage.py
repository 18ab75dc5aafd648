"""TwoStage: any encoder on any data, the same bits each time, nothing global touched."""

import copy
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.data import RandomSampler
from torch_geometric import transforms
from torch_geometric.data import Batch, Data, InMemoryDataset
from torch_geometric.loader import DataLoader, DynamicBatchSampler
from torch_geometric.nn import models
from torch_geometric.utils import scatter

from rnc_graph import FinetuneModule, PretrainModule, StageConfig, TwoStage
from rnc_graph.data import GraphDataset, Loader, Subset
from rnc_graph.data.schema import OGB_MOLECULES
from rnc_graph.data.transforms import DropEdges, MaskAttributes
from rnc_graph.encoders import make_encoder
from rnc_graph.errors import (
    BadValueError,
    MissingFileError,
    RncGraphError,
    RunError,
    WriteError,
)
from rnc_graph.losses import RnCLoss
from rnc_graph.training import TrainerConfig
from rnc_graph.training.inference import moved, torch_device

BRIEF = StageConfig(epochs=2, batch_size=8, learning_rate=1e-2)
NAN = float("nan")


class DeepSets(nn.Module):
    """A plain module on batches, without an ``embedding_dim``."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_channels, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))

    def forward(self, batch: Batch) -> Tensor:
        return scatter(self.layers(batch.x.float()), batch.batch, reduce="sum")


def pna(in_channels: int, edge_dim: int) -> nn.Module:
    options = {"aggregators": ["mean", "max"], "scalers": ["identity", "amplification"]}
    degrees = torch.tensor([1, 5, 9, 4, 2])
    return models.PNA(in_channels, 8, 2, deg=degrees, edge_dim=edge_dim, dropout=0.5, **options)


ENCODERS: dict[str, Callable[[int, int], Any]] = {
    "pyg-gin": lambda nodes, _: models.GIN(nodes, 8, 2, dropout=0.5),
    "pyg-gcn": lambda nodes, _: models.GCN(nodes, 8, 2, dropout=0.5),
    "pyg-pna": pna,
    "pyg-attentive-fp": lambda nodes, edges: models.AttentiveFP(
        nodes, 8, 8, edges, num_layers=2, num_timesteps=1, dropout=0.5
    ),
    "gin": lambda *_: "gin",
    "gcn": lambda *_: "gcn",
    "mpnn": lambda *_: "mpnn",
    "plain": lambda nodes, _: DeepSets(nodes),
}
# The tables of a list of graphs are as long as its features need, unless they are given.
OPTIONS = {
    name: {"hidden_dim": 8, "dropout": 0.5, **OGB_MOLECULES.options()}
    for name in ("gin", "gcn", "mpnn")
}


@pytest.fixture(scope="module")
def dataset(esol_graphs: GraphDataset) -> GraphDataset:
    """Twenty-four molecules whose target is their number of atoms, plus 10."""
    chosen = esol_graphs[torch.arange(0, 1128, 47)]
    return chosen.with_y(10 + chosen.batch().ptr.diff())


@pytest.fixture(scope="module")
def graphs(dataset: GraphDataset) -> list[Data]:
    return dataset.to_pyg()


@pytest.fixture(scope="module")
def floats() -> list[Data]:
    """Rings and chains with float features; the target is the number of nodes."""
    generator = torch.Generator().manual_seed(0)
    listed = []
    for number in range(24):
        nodes = 4 + number % 7
        source = torch.arange(nodes - number % 2)
        ends = torch.stack([source, (source + 1) % nodes])
        edges = torch.cat([ends, ends.flip(0)], dim=1)
        x = torch.randn(nodes, 5, generator=generator)
        edge_attr = torch.rand(edges.shape[1], 2, generator=generator)
        y = torch.tensor([[float(nodes)]])
        listed.append(Data(x=x, edge_index=edges, edge_attr=edge_attr, y=y))
    return listed


def model(name: str, nodes: int = 9, edges: int = 3, **options: Any) -> TwoStage:
    torch.manual_seed(1)
    own = {"encoder_options": OPTIONS.get(name), "pretrain": BRIEF, "finetune": BRIEF}
    settings = {"loss": RnCLoss(), **own, **options}
    return TwoStage(ENCODERS[name](nodes, edges), **settings)


def weights(fitted: TwoStage) -> dict[str, Tensor]:
    return copy.deepcopy(fitted.state_dict())


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kind", ["dataset", "list", "DataLoader"])
def test_any_encoder_on_any_data(
    name: str, kind: str, dataset: GraphDataset, graphs: list[Data]
) -> None:
    """The same seed gives the same bits, and no global generator moves."""
    if kind == "dataset":
        train, val, test = dataset[:16], dataset[torch.arange(16, 20)], dataset[20:]
    else:
        train, val, test = graphs[:16], graphs[16:20], graphs[20:]
    if kind == "DataLoader":
        train, val = DataLoader(train, 8, shuffle=True), DataLoader(val, 4)
    before = torch.get_rng_state()
    first = model(name)
    torch.set_rng_state(before)
    predicted = first.fit(train, val, seed=3).predict(test)
    assert torch.equal(torch.get_rng_state(), before)
    assert predicted.shape == (4, 1)
    assert predicted.isfinite().all()
    embedding = first.embed(test)
    assert embedding.shape == (4, first.encoder.embedding_dim)
    assert [len(history) for history in first.history.values()] == [2, 2]
    again = model(name).fit(train, val, seed=3)
    assert_equal(weights(first), weights(again))
    assert torch.equal(again.embed(test), embedding)


@pytest.mark.parametrize("name", ["pyg-pna", "plain", "gin", "mpnn"])
def test_graphs_that_are_no_molecules(name: str, floats: list[Data]) -> None:
    """Predictions are in the unit of the targets: the weights are those of the best epoch."""
    config = StageConfig(epochs=12, batch_size=9, learning_rate=2e-2)
    options = {"hidden_dim": 8} if name in OPTIONS else None
    fitted = model(name, 5, 2, finetune=config, readout="both", encoder_options=options)
    fitted.fit(floats[:18], floats[18:])
    y = torch.cat([graph.y for graph in floats])
    errors = [epoch["validation_mae"] for epoch in fitted.history["finetune"]]
    found = (fitted.predict(floats[18:]) - y[18:]).abs().mean()
    assert found.item() == pytest.approx(min(errors) * y[:18].std(correction=0).item(), rel=1e-4)


def test_ours_and_pygs_loader_give_equal_results_in_the_same_order(
    dataset: GraphDataset, graphs: list[Data]
) -> None:
    """With dropout and views, batch by batch the same."""
    by_loader = [
        model("gin", views=2).fit(loader, DataLoader(graphs[16:], 8), seed=1)
        for loader in (
            DataLoader(graphs[:16], 8),
            Loader(Subset(dataset, torch.arange(16), dataset.y[:16].float()), 8),
        )
    ]
    assert_equal(*map(weights, by_loader))
    assert by_loader[0].history == by_loader[1].history
    assert torch.equal(by_loader[0].predict(graphs), by_loader[1].predict(dataset))


@pytest.mark.parametrize("kind", ["dataset", "DataLoader"])
@pytest.mark.parametrize("name", ["gin", "pyg-gin", "plain"])
def test_a_frozen_encoder_does_not_move(
    name: str, kind: str, dataset: GraphDataset, graphs: list[Data]
) -> None:
    train = DataLoader(graphs[:16], 8, shuffle=True) if kind == "DataLoader" else dataset
    frozen = model(name, freeze=True).pretrain(train, graphs[16:])
    before, head = copy.deepcopy(frozen.encoder.state_dict()), weights(frozen)["head.0.weight"]
    embedding = frozen.embed(graphs)
    frozen.finetune(train, graphs[16:])
    assert_equal(before, frozen.encoder.state_dict())
    assert torch.equal(frozen.embed(graphs), embedding)
    assert not torch.equal(frozen.head[0].weight, head)


def test_a_module_that_is_passed_is_copied(graphs: list[Data]) -> None:
    encoder = models.GIN(9, 8, 2)
    before = copy.deepcopy(encoder.state_dict())
    two = TwoStage(encoder, pretrain=BRIEF, finetune=BRIEF)
    first = weights(two.fit(graphs, seed=0))
    assert_equal(before, encoder.state_dict())
    assert_equal(first, weights(two.fit(graphs, seed=0)))
    assert not torch.equal(first["head.0.weight"], two.fit(graphs, seed=1).head[0].weight)


def test_two_threads_give_the_bits_that_each_gives_alone(graphs: list[Data]) -> None:
    def run(seed: int, found: dict[int, dict[str, Tensor]]) -> None:
        found[seed] = weights(
            TwoStage(
                "gin",
                encoder_options=OPTIONS["gin"],
                transform=[transforms.RandomJitter(0.1)] if seed < 0 else None,
                pretrain=BRIEF,
                finetune=BRIEF,
            ).fit(graphs, seed=seed)
        )

    alone: dict[int, dict[str, Tensor]] = {}
    for seed in (0, 1):
        run(seed, alone)
    together: dict[int, dict[str, Tensor]] = {}
    before = torch.get_rng_state()
    threads = [threading.Thread(target=run, args=(seed, together)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.equal(torch.get_rng_state(), before)
    for seed in (0, 1):
        assert_equal(alone[seed], together[seed])
    assert not torch.equal(alone[0]["head.0.weight"], alone[1]["head.0.weight"])


@pytest.mark.slow
def test_a_fit_that_was_killed_in_stage_2_ends_with_the_same_bits(
    graphs: list[Data], tmp_path: Path
) -> None:
    epochs: list[int] = []

    def killed_in_the_fourth() -> None:
        epochs.append(len(epochs))
        if len(epochs) == 4:
            raise InterruptedError

    whole = weights(model("gin").fit(graphs[:16], graphs[16:]))
    trainer = TrainerConfig("cpu", killed_in_the_fourth, tmp_path / "state.ckpt", 0.0)
    with pytest.raises(InterruptedError):
        model("gin", trainer=trainer).fit(graphs[:16], graphs[16:])
    assert [path.name for path in tmp_path.iterdir()] == ["state.finetune.ckpt"]
    resumed = model("gin", trainer=trainer).fit(graphs[:16], graphs[16:])
    assert len(epochs) == 4 + 2 + 1
    assert_equal(whole, weights(resumed))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("of_sampler", [True, False])
def test_a_loader_with_a_generator_resumes_with_the_same_bits(
    of_sampler: bool, graphs: list[Data], tmp_path: Path
) -> None:
    def train(on_epoch: Callable[[], None] = lambda: None, **options: Any) -> dict[str, Tensor]:
        own = torch.Generator().manual_seed(1)
        sampler = RandomSampler(graphs[:16], generator=own) if of_sampler else None
        how = {"sampler": sampler} if of_sampler else {"shuffle": True, "generator": own}
        trainer = TrainerConfig("cpu", on_epoch, **options)
        config = StageConfig(epochs=4, batch_size=8, learning_rate=1e-2)
        two = model("gin", loss=None, finetune=config, trainer=trainer)
        return weights(two.fit(DataLoader(graphs[:16], 8, **how)))

    epochs: list[None] = []

    def killed() -> None:
        epochs.append(None)
        if len(epochs) == 3:
            raise InterruptedError

    kept = {"checkpoint": tmp_path / "state.ckpt", "checkpoint_seconds": 0.0}
    with pytest.raises(InterruptedError):
        train(killed, **kept)
    resumed = train(killed, **kept)
    assert len(epochs) < 7
    assert_equal(train(), resumed)


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_packed_data_move_once_if_they_fit(device: str, dataset: GraphDataset) -> None:
    moved_to = torch_device(device)
    assert moved(dataset, moved_to).device.type == moved_to.type
    assert moved(dataset, torch.device("meta")).device.type == "meta"
    assert dataset.nbytes > 1000
    assert torch_device("cpu") == torch.device("cpu")


def test_sets_of_the_same_graphs_share_one_copy_on_the_device(dataset: GraphDataset) -> None:
    train, val = (moved(dataset[rows], torch.device("meta")) for rows in (slice(16), slice(16, 24)))
    assert train.packed is val.packed
    assert train.packed.device.type == "meta"
    copied = copy.deepcopy(dataset[:16])  # Without the copy on the device, which it cannot hold.
    assert_equal({"y": copied.y}, {"y": dataset.y[:16]})
    released = weakref.ref(train.packed)
    del train, val
    assert released() is None


def test_without_a_validation_set_the_last_epoch_stays(graphs: list[Data]) -> None:
    fitted = model("gin").fit(graphs)
    assert [sorted(epoch) for epoch in fitted.history["finetune"]] == [["training_loss"]] * 2
    patient = model("gin", finetune={"epochs": 3, "patience": 1})
    with pytest.raises(RncGraphError, match="patience: expected a validation set"):
        patient.fit(graphs)
    wild = model("gin", loss=None, head_loss="l2", finetune={"epochs": 4, "learning_rate": 1e30})
    with pytest.raises(RncGraphError, match="diverged"):
        wild.fit(graphs)


def test_missing_targets(graphs: list[Data]) -> None:
    """Two targets, a third of the values missing."""
    listed = []
    for number, graph in enumerate(graphs):
        y = torch.cat([graph.y, -3 * graph.y], dim=1)
        y[0, number % 2] = NAN if number % 3 == 0 else y[0, number % 2]
        listed.append(Data(x=graph.x, edge_index=graph.edge_index, edge_attr=graph.edge_attr, y=y))
    fitted = model("gin").fit(listed[:16], listed[16:])
    y = torch.cat([graph.y for graph in listed[:16]])
    torch.testing.assert_close(fitted.mean.float(), y.nanmean(0))
    assert fitted.predict(listed).shape == (24, 2)
    assert fitted.predict(listed).isfinite().all()


def test_joint_training_is_one_stage(graphs: list[Data]) -> None:
    joint = model("gin", loss_weight=0.5, views=2, projection_dim=4).fit(graphs[:16], graphs[16:])
    assert list(joint.history) == ["finetune"]
    plain = model("gin", loss=None).fit(graphs[:16], graphs[16:])
    assert not torch.equal(joint.predict(graphs), plain.predict(graphs))
    with pytest.raises(RncGraphError, match="joint training needs a loss and freeze=False"):
        model("gin", loss_weight=0.5, freeze=True)


def test_classes(graphs: list[Data]) -> None:
    listed = copy.deepcopy(graphs)
    for graph in listed:
        graph.y = torch.tensor([graph.num_nodes > 10])
    config = StageConfig(epochs=30, batch_size=8, learning_rate=1e-2)
    fitted = model("gin", loss=None, head_loss="cross-entropy", finetune=config)
    predicted = fitted.fit(listed).predict(listed)
    truth = torch.tensor([[float(g.num_nodes > 10)] for g in graphs])
    assert (predicted == truth).float().mean() > 0.8


@pytest.mark.parametrize(
    ("value", "head_loss", "message"),
    [
        (NAN, "cross-entropy", "train: no sample has target 0"),
        (NAN, "l1", "train: no sample has target 0"),
        (float("inf"), "l1", r"train: targets must be finite, or NaN .* infinite .* rows: 0, 1,"),
        (float("inf"), "cross-entropy", "train: targets must be finite"),
    ],
)
def test_targets_that_tell_nothing(
    value: float, head_loss: Any, message: str, dataset: GraphDataset
) -> None:
    train = Subset(dataset, torch.arange(24), torch.full((24, 1), value))
    classes = 3 if head_loss == "cross-entropy" else None
    for options in ({}, {"standardize": False}, {"n_classes": classes}, {"loss": "rnc"}):
        with pytest.raises(BadValueError, match=message):
            model("gin", **{"loss": None, "head_loss": head_loss} | options).fit(train)


def test_a_validation_set_with_infinite_targets(dataset: GraphDataset, graphs: list[Data]) -> None:
    val = Subset(dataset, torch.arange(4), torch.full((4, 1), float("inf")))
    with pytest.raises(BadValueError, match="val: targets must be finite"):
        model("gin", loss=None).fit(dataset[:20], val)
    listed = copy.deepcopy(graphs[:4])
    listed[2].y = torch.tensor([float("inf")])
    with pytest.raises(BadValueError, match="val: graph 2: expected y of numbers or NaN"):
        model("gin", loss=None).fit(graphs, listed)


def test_transforms_of_pyg_draw_from_the_seed(floats: list[Data]) -> None:
    """Each graph is altered alone, and neither torch's nor Python's generator moves."""
    seen: list[int] = []

    class Noted(transforms.BaseTransform):
        def forward(self, data: Data) -> Data:
            seen.append(data.num_nodes)
            data.x = data.x + torch.randn(data.x.shape)
            return data

    def run(seed: int) -> Tensor:
        two = model("pyg-gin", 5, transform=[Noted(), transforms.AddSelfLoops()], views=2)
        return two.fit(floats[:8], seed=seed).predict(floats)

    first = run(0)
    assert sorted(seen[:16]) == sorted(2 * [graph.num_nodes for graph in floats[:8]])
    before = torch.get_rng_state()
    assert torch.equal(run(0), first)
    assert not torch.equal(run(1), first)
    torch.set_rng_state(before)


def test_a_state_dict_is_loaded_into_a_built_model(graphs: list[Data]) -> None:
    fitted = model("gin").fit(graphs)
    loaded = model("gin").build(graphs[:3])
    loaded.load_state_dict(fitted.state_dict())
    assert torch.equal(loaded.predict(graphs), fitted.predict(graphs))
    with torch.no_grad():
        forward = loaded.eval()(Batch.from_data_list(graphs))
    torch.testing.assert_close(forward, fitted.predict(graphs))


@pytest.mark.parametrize("name", ENCODERS)
def test_saved_weights_are_loaded(name: str, graphs: list[Data], tmp_path: Path) -> None:
    options: dict[str, Any] = {"head_hidden": [5], "projection_dim": 4}
    fitted = model(name, **options).fit(graphs)
    fitted.save(tmp_path / "model.safetensors")
    loaded = model(name, **options).load(tmp_path / "model.safetensors", graphs[:3])
    assert torch.equal(loaded.predict(graphs), fitted.predict(graphs))
    assert torch.equal(loaded.embed(graphs), fitted.embed(graphs))
    further = [weights(one.finetune(graphs, seed=1)) for one in (loaded, fitted)]
    ends = [{n: t for n, t in end.items() if "projection" not in n} for end in further]
    assert_equal(*ends)


def test_saved_weights_of_classes(graphs: list[Data], tmp_path: Path) -> None:
    def classifier() -> TwoStage:
        return model("gin", loss=None, head_loss="cross-entropy")

    for number, graph in enumerate(classes := copy.deepcopy(graphs)):
        graph.y = torch.tensor([[number % 3]])
    fitted = classifier().fit(classes)
    fitted.save(tmp_path / "model.safetensors")
    loaded = classifier().load(str(tmp_path / "model.safetensors"), graphs[0])
    assert torch.equal(loaded.predict(graphs), fitted.predict(graphs))


def test_weights_of_another_model_are_refused(graphs: list[Data], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(RunError, match="not trained"):
        model("gin").save(path)
    assert not path.exists()
    with pytest.raises(MissingFileError, match=r"model\.safetensors: cannot be read"):
        model("gin").load(path, graphs)
    model("gin").fit(graphs).save(path)
    bins = [graph.clone().update({"y": torch.tensor([[n % 3]])}) for n, graph in enumerate(graphs)]
    classifier = {"loss": None, "head_loss": "cross-entropy"}
    for other, data, message in (
        (model("gcn"), graphs, r"encoder\.convolutions\..*: expected .*, got "),
        (model("gin", head_hidden=[3]), graphs, r"head\.0\.bias: expected the shape \(3,\), got"),
        (model("gin", **classifier), bins, "of a model of some classes, got .*continuous targets"),
    ):
        before = other.fit(data)
        expected, history = before.predict(graphs), before.history
        with pytest.raises(BadValueError, match=message):
            other.load(path, graphs)
        assert torch.equal(other.predict(graphs), expected)
        assert other.history is history
    other.save(path)
    for wrong, message in (
        (model("gin"), "of a model of continuous targets, got those of one of 3 classes"),
        (model("gin", n_classes=5, **classifier), "of 5 classes, got those of one of 3 classes"),
    ):
        with pytest.raises(BadValueError, match=message):
            wrong.load(path, graphs)
    for content, message in (
        (b"no weights", "expected a safetensors file"),
        (save({"weight": torch.ones(1)}), "expected the weights of a TwoStage, got other tensors"),
    ):
        path.write_bytes(content)
        with pytest.raises(BadValueError, match=message):
            model("gin").load(path, graphs)


def test_weights_that_cannot_be_written(graphs: list[Data], tmp_path: Path) -> None:
    fitted = model("gin", loss=None).fit(graphs)
    for path in (tmp_path, tmp_path / "file" / "model.safetensors", "."):
        (tmp_path / "file").touch()
        with pytest.raises(WriteError, match="cannot be written"):
            fitted.save(path)
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_weights_in_another_order_of_memory_are_kept(floats: list[Data], tmp_path: Path) -> None:
    def transposed() -> TwoStage:
        encoder = DeepSets(5)
        encoder.layers[0].weight = nn.Parameter(encoder.layers[0].weight.T.contiguous().T)
        return TwoStage(encoder, loss=None, finetune=BRIEF)

    fitted = transposed().fit(floats)
    fitted.save(tmp_path / "model.safetensors")
    loaded = transposed().load(tmp_path / "model.safetensors", floats)
    assert torch.equal(loaded.predict(floats), fitted.predict(floats))


def test_tables_are_those_of_the_training_set(tmp_path: Path) -> None:
    def graph(number: int) -> Data:
        x, edges = torch.full((3, 1), number), torch.tensor([[0, 1], [1, 0]])
        return Data(x=x, edge_index=edges, y=torch.tensor([[float(number)]]))

    def untrained() -> TwoStage:
        return TwoStage("gin", encoder_options={"hidden_dim": 4}, loss=None, finetune=BRIEF)

    fitted = untrained().fit([graph(number % 6) for number in range(16)])
    fitted.save(tmp_path / "model.safetensors")
    few = [graph(0), graph(1)]
    loaded = untrained().load(tmp_path / "model.safetensors", few)
    assert torch.equal(loaded.predict(few), fitted.predict(few))
    with pytest.raises(BadValueError, match="data: "):
        untrained().load(tmp_path / "model.safetensors", [graph(9)])


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_trainer_of_ones_own_and_its_checkpoint(
    stage: str, graphs: list[Data], tmp_path: Path
) -> None:
    encoder = model("gin").build(graphs).encoder
    if stage == "pretrain":
        own: dict[str, Any] = {"encoder": encoder, "loss": RnCLoss()}
        module: Any = PretrainModule(**own, config={"epochs": 2, "schedule": "constant"})
    else:
        own = {"encoder": encoder, "head": nn.Linear(16, 1)}
        module = FinetuneModule(**own, head_loss="huber", config=BRIEF)
    trainer = L.Trainer(
        max_epochs=2,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        accelerator="cpu",
    )
    trainer.fit(module, DataLoader(graphs[:16], 8), DataLoader(graphs[16:], 8))
    assert {"training_loss", "validation_mae"} <= trainer.callback_metrics.keys()
    (validated,) = trainer.validate(module, DataLoader(graphs[16:], 8), verbose=False)
    (tested,) = trainer.test(module, DataLoader(graphs[16:], 8), verbose=False)
    assert tested == {"test_mae": validated["validation_mae"]}
    whole = GraphDataset.from_pyg(graphs)
    pairs = Loader(Subset(whole, torch.arange(24), whole.y.float()), 8)
    expected = torch.cat(trainer.predict(module, DataLoader(graphs, 8)))
    torch.testing.assert_close(torch.cat(trainer.predict(module, pairs)), expected)
    assert len(expected) == 24
    trainer.save_checkpoint(tmp_path / "stage.ckpt")
    fresh = {name: copy.deepcopy(part) for name, part in own.items()}
    for part_of in fresh.values():
        for parameter in part_of.parameters():
            nn.init.zeros_(parameter)
    loaded = type(module).load_from_checkpoint(tmp_path / "stage.ckpt", weights_only=True, **fresh)
    assert_equal(loaded.state_dict(), module.state_dict())
    assert loaded.config == module.config
    assert loaded.hparams == module.hparams


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"head_loss": "mae"}, "unknown head loss 'mae'"),
        ({"loss": "rank"}, "unknown"),
        ({"loss": "simclr", "views": 1}, "needs at least 2, got 1"),
        ({"encoder": 3}, "encoder: expected a name, .* got 3"),
        ({"encoder_options": 3}, "encoder_options: expected a dict, got 3"),
        ({"loss": RnCLoss}, "loss: expected a module, a name or None, got <class"),
        ({"loss_weight": NAN}, "loss_weight: expected a number or None, got nan"),
        ({"transform": "mask"}, "transform: expected an augmentation .* got 'mask'"),
        ({"transform": [transforms.AddSelfLoops]}, "transform: expected an augmentation"),
        ({"views": 0}, "views: expected an integer of at least 1, got 0"),
        ({"projection_dim": 2.5}, "projection_dim: expected an integer"),
        ({"head_hidden": 32}, r"head_hidden: expected a list of widths .* got 32"),
        ({"head_hidden": "32"}, "head_hidden: expected a list of widths"),
        ({"head_dropout": 1.0}, r"head_dropout: expected a number in \[0, 1\), got 1.0"),
        ({"readout": "avg"}, "readout: expected one of sum, mean, max, both, or None, got 'avg'"),
        ({"n_classes": 0}, "n_classes: expected an integer of at least 1 or None, got 0"),
        ({"trainer": "gpu"}, "trainer: expected a TrainerConfig, got 'gpu'"),
        ({"trainer": TrainerConfig("tpu9")}, "device 'tpu9' cannot be used"),
        (
            {"pretrain": {"epoch": 3}},
            "unknown field of pretrain 'epoch'; known: .*; did you mean 'epochs'",
        ),
        ({"finetune": {"epochs": 0}}, "finetune, epochs: .* got 0"),
        ({"finetune": 3}, "finetune: expected a StageConfig or a dict of its fields, got 3"),
        ({"encoder": "torch_geometric.nn.models.GIM"}, "cannot be imported"),
        ({"encoder": ".GIN"}, "'.GIN': cannot be imported"),
        ({"encoder": models.SchNet(8, 8, 1)}, "SchNet.forward needs 'z', which the batch lacks"),
        ({"encoder": nn.Identity()}, r"expected an output of one row a graph"),
        (
            {"encoder": models.GIN(5, 8, 2)},
            "GIN: made for features of another width; the data have x of width 9",
        ),
        (
            {"loss": None, "freeze": True, "views": 2},
            "transform, views: expected none without a loss",
        ),
        (
            {"encoder": make_encoder("gin", {"hidden_dim": 4}), "readout": "max"},
            "readout: GIN pools by itself: expected None, got 'max'",
        ),
    ],
)
def test_wrong_arguments(wrong: dict[str, Any], message: str, graphs: list[Data]) -> None:
    with pytest.raises(RncGraphError, match=message):
        TwoStage(**wrong).build(graphs)


def test_the_readout_of_our_encoders(graphs: list[Data]) -> None:
    def width(**options: Any) -> int:
        return int(
            TwoStage("gin", encoder_options={"hidden_dim": 4}, **options)
            .build(graphs)
            .encoder.embedding_dim
        )

    assert (width(), width(readout="both"), width(readout="max")) == (8, 8, 4)


@pytest.mark.parametrize("model", [models.GAT, models.PNA])
def test_layers_that_see_edges_take_their_width_from_the_data(
    model: type[nn.Module], graphs: list[Data]
) -> None:
    options = {"hidden_channels": 8, "num_layers": 1}
    if model is models.PNA:
        options |= {"aggregators": ["mean"], "scalers": ["identity"], "deg": [1, 5, 9, 4, 2]}
    data = GraphDataset.from_pyg(graphs)
    torch.manual_seed(0)
    encoder = make_encoder(model, options, data).eval()
    batch = data.batch(torch.arange(4))
    seen = encoder(batch)
    # Not the same for all edges, which attention does not see.
    batch.edge_attr = batch.edge_attr + torch.arange(batch.num_edges)[:, None]
    assert not torch.allclose(encoder(batch), seen)


def test_a_single_step_learns(graphs: list[Data]) -> None:
    one = TwoStage("gin", loss=None, finetune={"epochs": 1, "batch_size": 64, "learning_rate": 0.1})
    start = one.build(graphs).state_dict()
    start = {name: value.clone() for name, value in start.items()}
    one.fit(graphs)
    moved = [
        (value - start[name]).abs().max()
        for name, value in one.encoder.named_parameters()
        for name in [f"encoder.{name}"]
    ]
    assert max(moved) > 1e-3


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ({"finetune": {"patience": 1}}, None, "finetune, patience: expected a validation set"),
        ({"balanced": True}, 16, "balanced: expected a dataset, got a loader"),
        ({}, 11, "the last of the loader's batches has one sample.* than 11"),
    ],
)
def test_what_cannot_be_trained_is_said_before_any_epoch(
    options: dict[str, Any], data: int | None, message: str, graphs: list[Data]
) -> None:
    epochs: list[None] = []
    trainer = TrainerConfig(on_epoch=lambda: epochs.append(None))
    graphs = graphs[:23]
    with pytest.raises(RncGraphError, match=message):
        TwoStage("gin", trainer=trainer, **options).fit(
            graphs if data is None else DataLoader(graphs, data)
        )
    assert not epochs


def test_a_loss_needs_two_samples(graphs: list[Data]) -> None:
    with pytest.raises(BadValueError, match="train: expected two samples or more"):
        model("gin").fit(graphs[:1])
    assert model("gin", loss=None).fit(graphs[:1]).predict(graphs[:1]).shape == (1, 1)


def test_our_own_loader_has_no_batch_of_one(dataset: GraphDataset) -> None:
    rows = Subset(dataset, torch.arange(9), dataset.y[:9])
    model("gin").fit(Loader(rows, 4), Loader(rows, 4))


def test_a_loader_that_shuffles_is_not_predicted(graphs: list[Data]) -> None:
    fitted = model("gin").fit(graphs)
    in_order = fitted.predict(DataLoader(graphs, 8))
    assert torch.equal(in_order, fitted.predict(graphs))
    for use in (fitted.predict, fitted.embed):
        with pytest.raises(RncGraphError, match=r"keeps its order .* got one with a RandomSampler"):
            use(DataLoader(graphs, 8, shuffle=True))


@pytest.mark.parametrize(
    ("wrong", "got"),
    [(3, "int"), (None, "None"), ("CCO", "str"), (["CCO"], "a list with a str"), ([], "none")],
)
def test_what_is_no_data(wrong: Any, got: str, graphs: list[Data]) -> None:
    for stage in ("fit", "pretrain", "finetune"):
        with pytest.raises(RncGraphError, match=f"expected .* got {got}"):
            getattr(model("gin"), stage)(wrong)
    if wrong is not None:
        with pytest.raises(RncGraphError, match=f"expected .* got {got}"):
            model("gin").fit(graphs, wrong)
    with pytest.raises(RncGraphError, match="not trained"):
        model("gin").predict(wrong)
    with pytest.raises(RncGraphError, match="seed: expected an integer of 64 bits, got '0'"):
        model("gin").fit(graphs, seed="0")  # type: ignore[arg-type]


def test_one_graph_and_a_batch_are_data(graphs: list[Data], dataset: GraphDataset) -> None:
    """A single graph has one row; our batches are PyG's."""
    fitted = model("gin").fit(Batch.from_data_list(graphs))
    assert_equal(weights(fitted), weights(model("gin").fit(graphs)))
    for method in (fitted.predict, fitted.embed):
        whole = method(graphs)
        assert torch.equal(method(Batch.from_data_list(graphs)), whole)
        assert torch.equal(method(dataset.batch()), whole)
        torch.testing.assert_close(method(graphs[3]), whole[3:4])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@pytest.mark.parametrize("columns", [True, False])
def test_a_pyg_model_takes_floats_of_any_type_and_a_single_feature(
    dtype: torch.dtype, columns: bool, floats: list[Data]
) -> None:
    def narrowed(graph: Data) -> Data:
        x, edge_attr = graph.x[:, :1].to(dtype), graph.edge_attr[:, :1].to(dtype)
        x, edge_attr = (x, edge_attr) if columns else (x[:, 0], edge_attr[:, 0])
        return Data(x=x, edge_index=graph.edge_index, edge_attr=edge_attr, y=graph.y)

    graphs = [narrowed(graph) for graph in floats]
    for name in ("pyg-gin", "pyg-attentive-fp"):
        fitted = model(name, 1, 1).fit(graphs[:16], DataLoader(graphs[16:], 4))
        assert fitted.predict(graphs).isfinite().all()
    like = [Data.from_dict({**g.to_dict(), "x": g.x.float().view(-1, 1)}) for g in graphs]
    assert torch.equal(model("pyg-gin", 1).fit(graphs).head[0].weight,
                       model("pyg-gin", 1).fit(like).head[0].weight)  # fmt: skip


@pytest.mark.parametrize("name", ["pyg-gin", "gin"])
def test_features_of_another_width_are_refused(name: str, floats: list[Data]) -> None:
    fitted = model(name, 5, encoder_options={} if name == "gin" else None).fit(floats)
    wider = [Data(x=torch.rand(4, 7), edge_index=floats[0].edge_index[:, :0])]
    wider[0].edge_attr = torch.rand(0, 2)
    with pytest.raises(RncGraphError, match="GIN: expected 'x' with 5 floats, got 7 floats"):
        fitted.predict(wider)


def test_a_mask_before_a_table_without_a_row_for_it_is_named(graphs: list[Data]) -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(200, 4)

        def forward(self, batch: Batch) -> Tensor:
            return scatter(self.table(batch.x[:, 0]), batch.batch)

    two = TwoStage(Table(), transform=MaskAttributes(0.5), pretrain=BRIEF, finetune=BRIEF)
    with pytest.raises(RncGraphError, match=r"Table: .* -1, as MaskAttributes writes it"):
        two.fit(graphs)


def test_a_seed_may_be_an_integer_of_numpy(graphs: list[Data]) -> None:
    expected = weights(model("gin").fit(graphs, seed=3))
    assert_equal(expected, weights(model("gin").fit(graphs, seed=np.int64(3))))
    apart = model("gin").pretrain(graphs, seed=np.uint8(3)).finetune(graphs, seed=np.int32(3))
    assert_equal(expected, weights(apart))
    built = weights(model("gin").build(graphs, seed=np.int64(3)))
    assert_equal(built, weights(model("gin").build(graphs, seed=3)))


class Sums(nn.Module):
    """The sum of what the neighbors hold, by a sparse matrix or by edges."""

    def __init__(self, width: int | None) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)
        if width is not None:
            self.embedding_dim = width

    def forward(self, batch: Batch) -> Tensor:
        summed = batch.adj_t @ batch.x if "adj_t" in batch else batch.x
        return scatter(self.layer(summed), batch.batch, reduce="sum")


class Paired(Data):
    """With numbers of nodes that PyG increments by a rule of its own."""

    def __inc__(self, key: str, value: Any, *args: Any) -> Any:
        return 7 if key == "partner_index" else super().__inc__(key, value, *args)


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("width", [3, None])
@pytest.mark.parametrize("kind", ["adj_t", "subclass"])
def test_a_loader_of_graphs_that_only_pyg_collates(
    kind: str, width: int | None, floats: list[Data]
) -> None:
    if kind == "adj_t":
        to_sparse = transforms.ToSparseTensor(layout=torch.sparse_csr)
        graphs = [to_sparse(Data(x=g.x, edge_index=g.edge_index, y=g.y)) for g in floats]
    else:
        graphs = [Paired(x=g.x, y=g.y, partner_index=torch.arange(g.num_nodes)) for g in floats]
    options = {"pretrain": BRIEF, "finetune": BRIEF}
    fitted = TwoStage(Sums(width), **options).fit(DataLoader(graphs, 8))
    assert fitted.predict(DataLoader(graphs, 8)).isfinite().all()
    if kind == "adj_t":
        with pytest.raises(RncGraphError, match="got a Batch with a sparse 'adj_t'"):
            fitted.predict(Batch.from_data_list(graphs[:2]))
    with pytest.raises(RncGraphError, match=r"edge_index, got a sparse|'partner_index': expected"):
        TwoStage("gin").fit(DataLoader(graphs, 8))


def test_a_trained_model_predicts_when_it_is_called(floats: list[Data]) -> None:
    fitted = model("gin", encoder_options={"hidden_dim": 8, "dropout": 0.5}).fit(floats)
    expected, before = fitted.predict(floats), weights(fitted)
    batch = Batch.from_data_list(floats)
    batch.x.requires_grad_()
    for mode in (True, False):
        called = fitted.train(mode)(batch)
        torch.testing.assert_close(called.detach(), expected)
        assert all(module.training == mode for module in fitted.modules())
    assert_equal(weights(fitted), before)
    called.sum().backward()
    assert batch.x.grad.abs().sum() > 0


@pytest.mark.parametrize("graphs_in", [list, lambda graphs: DataLoader(graphs, 4, shuffle=True)])
def test_tensors_of_nodes_stay_known_where_edges_become_as_many(graphs_in: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    graphs = [
        Data(
            x=torch.randn(5, 3, generator=generator),
            edge_index=torch.randint(0, 5, (2, 6), generator=generator),
            pe=torch.rand(5, generator=generator),
            y=torch.randn(1, generator=generator),
        )
        for _ in range(16)
    ]
    walks = transforms.AddRandomWalkPE(2, attr_name="walks")
    views = {"transform": [DropEdges(0.2), walks, DropEdges(0.1)], "views": 2}
    config = {"epochs": 3, "batch_size": 4}
    for seed in range(4):
        model("pyg-gin", 3, **views, pretrain=config).pretrain(graphs_in(graphs), seed=seed)


def test_features_that_are_not_finite_are_found_in_a_loader(floats: list[Data]) -> None:
    fitted = model("pyg-gin", 5, loss=None).fit(floats)
    bad = [graph.clone() for graph in floats[:6]]
    bad[3].x[1, 0] = NAN
    bad[5].edge_attr[0] = float("inf")
    with pytest.raises(BadValueError, match="data: graph 3: 'x' holds features that are not"):
        fitted.predict(DataLoader(bad, 2))
    with pytest.raises(BadValueError, match="val: graph 1: 'edge_attr' holds features"):
        model("pyg-gin", 5, loss=None).fit(floats, DataLoader(bad[4:], 1))


def test_a_model_that_learned_from_edges_is_not_used_without(floats: list[Data]) -> None:
    gat = models.GAT(5, 8, 2, edge_dim=2)
    fitted = TwoStage(gat, loss=None, finetune=BRIEF).fit(floats)
    with pytest.raises(BadValueError, match="GAT: expected 'edge_attr', as in the first batch"):
        fitted.predict([Data(x=graph.x, edge_index=graph.edge_index) for graph in floats])


def test_stages_say_what_they_need(floats: list[Data]) -> None:
    gin, dataset = models.GIN(5, 8, 2), GraphDataset.from_pyg(floats)
    for make in (
        lambda: PretrainModule(gin, RnCLoss()),
        lambda: FinetuneModule(gin, nn.Linear(8, 1)),
    ):
        with pytest.raises(BadValueError, match=r"got GIN; make_encoder\(encoder, dataset="):
            make()
    encoder = make_encoder(gin, dataset=dataset)
    for loss in ("rnc", RnCLoss):
        with pytest.raises(BadValueError, match=r"loss: expected a module, such as RnCLoss\(\)"):
            PretrainModule(encoder, loss)  # type: ignore[arg-type]
    with pytest.raises(BadValueError, match="GIN: expected a batch of graphs, got a Tensor"):
        model("gin", encoder_options=None).fit(floats).predict(torch.rand(3, 5))


def test_our_encoders_are_made_for_a_batch_or_a_dataset(floats: list[Data]) -> None:
    for data in (GraphDataset.from_pyg(floats), Batch.from_data_list(floats), floats[0]):
        schema = make_encoder("gin", {"hidden_dim": 8}, data).schema
        assert (schema.nodes, schema.edges) == (5, 2)
    for data in (floats, DataLoader(floats, 4)):
        with pytest.raises(BadValueError, match=r"GraphDataset.from_pyg makes one"):
            make_encoder("gin", dataset=data)


def test_the_example_moves_to_the_device_of_the_model(dataset: GraphDataset) -> None:
    encoder = make_encoder(models.GIN(9, 8, 2).to("meta"), None, dataset)
    assert encoder.embedding_dim == 8
    assert dataset.device.type == "cpu"


def test_a_head_predicts_only_if_it_was_trained_on_the_scale_of_the_targets(
    graphs: list[Data],
) -> None:
    two = model("gin").pretrain(graphs)
    with pytest.raises(RncGraphError, match="not trained"):
        two.predict(graphs)
    assert two.embed(graphs).shape == (24, 16)
    assert two.finetune(graphs).predict(graphs).isfinite().all()
    with pytest.raises(RncGraphError, match="not trained"):
        two.pretrain(graphs[:8])(Batch.from_data_list(graphs))
    built = model("gin").build(graphs)
    with pytest.raises(RncGraphError, match="not trained"):
        built.predict(graphs)
    encoder = {name: t for name, t in two.state_dict().items() if name.startswith("encoder.")}
    built.load_state_dict(encoder, strict=False)
    with pytest.raises(RncGraphError, match="not trained"):
        built.predict(graphs)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
@pytest.mark.parametrize("as_loader", [False, True])
def test_a_validation_set_with_other_targets(
    stage: str, as_loader: bool, graphs: list[Data], dataset: GraphDataset
) -> None:
    train = dataset.with_y(dataset.y.float().reshape(-1, 1).repeat(1, 2))
    val = DataLoader(graphs[16:], 4) if as_loader else graphs[16:]
    with pytest.raises(RncGraphError, match="expected 2 targets as in the training set, got 1"):
        getattr(model("gin"), stage)(train, val)


@pytest.mark.parametrize("whole", ["dataset", "list", "subset"])
def test_subsets_of_torch_are_the_samples_that_they_name(
    whole: str, dataset: GraphDataset, graphs: list[Data]
) -> None:
    own = Subset(dataset, torch.arange(24), dataset.y.float())
    samples = {"dataset": dataset, "list": graphs, "subset": own}[whole]
    outer = torch.utils.data.Subset(samples, range(23, 0, -1))
    train, val = torch.utils.data.Subset(outer, range(16)), torch.utils.data.Subset(outer, [20, 21])
    like = model("gin").fit(graphs[23:7:-1], graphs[3:1:-1])
    found = model("gin").fit(train, val)
    assert_equal(weights(found), weights(like))
    assert torch.equal(found.predict(val), like.predict(graphs[3:1:-1]))


@pytest.mark.parametrize("whole", ["dataset", "list"])
def test_a_loader_of_split_data(whole: str, dataset: GraphDataset, graphs: list[Data]) -> None:
    """The tables of the encoder come from the data below the subset."""
    own = {"encoder_options": {"hidden_dim": 8}}
    samples, draws = dataset if whole == "dataset" else graphs, torch.Generator().manual_seed(0)
    train, _ = torch.utils.data.random_split(samples, [16, 8], draws)
    like = dataset[train.indices] if whole == "dataset" else [graphs[i] for i in train.indices]
    found = model("gin", **own).fit(DataLoader(train, 8))
    assert_equal(weights(found), weights(model("gin", **own).fit(DataLoader(like, 8))))


class OnPositions(nn.Module):
    """The mean position."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, batch: Batch) -> Tensor:
        return scatter(self.layer(batch.pos), batch.batch, reduce="mean")


@pytest.mark.parametrize("random", [True, False])
def test_the_transform_of_a_data_set_is_applied_once_by_a_fixed_seed(
    random: bool, floats: list[Data], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    class Floats(InMemoryDataset):
        def __init__(self) -> None:
            own = transforms.RandomJitter(0.5) if random else transforms.Constant()
            super().__init__(None, own)
            self.data, self.slices = self.collate(
                [Data(pos=graph.x, **graph.to_dict()) for graph in floats]
            )

    def fitted(data: Any) -> dict[str, Tensor]:
        return weights(TwoStage(encoder, pretrain=BRIEF, finetune=BRIEF).fit(data))

    encoder, before = OnPositions(), torch.get_rng_state()
    first = fitted(Floats())
    assert_equal(first, fitted(Floats()))
    assert torch.equal(torch.get_rng_state(), before)
    said = [str(one.message) for one in recwarn if "transform" in str(one.message)]
    assert ["applied once" in one for one in said] == [True] * (2 * random)


def test_a_validation_set_beyond_the_tables_is_named_before_training(graphs: list[Data]) -> None:
    beyond = copy.deepcopy(graphs[16:])
    beyond[0].x[0, 0] = 118
    epochs: list[None] = []
    two = TwoStage("gin", trainer=TrainerConfig(on_epoch=lambda: epochs.append(None)))
    with pytest.raises(RncGraphError, match="val: GIN: expected 'x' with categories of sizes"):
        two.fit(graphs[:16], beyond)
    assert not epochs


class Stream(torch.utils.data.IterableDataset[Data]):
    """Graphs without an end."""

    def __iter__(self) -> Any:
        return iter([])


def test_a_loader_of_unknown_length_is_refused(graphs: list[Data]) -> None:
    sampler = DynamicBatchSampler(GraphDataset.from_pyg(graphs), max_num=40)
    for loader in (DataLoader(Stream(), 4), DataLoader(graphs, batch_sampler=sampler)):
        with pytest.raises(RncGraphError, match="train: expected a loader of known length, got"):
            model("gin").fit(loader)


class Images(torch.utils.data.Dataset[Any]):
    """Images with a brightness to predict, or images alone."""

    def __init__(self, rows: range, paired: bool = True) -> None:
        self.rows, self.paired = rows, paired

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Any:
        image = torch.full((3, 8, 8), self.rows[number] / 24) + torch.rand(3, 8, 8) / 100
        return (image, self.rows[number] / 2) if self.paired else image


def test_data_sets_of_torch_hold_pairs(graphs: list[Data]) -> None:
    def fitted(*data: Any) -> TwoStage:
        options = {"in_channels": 3, "width": 4}
        two = TwoStage("resnet8", encoder_options=options, pretrain=BRIEF, finetune=BRIEF)
        return two.fit(*data)

    before = torch.get_rng_state()
    train, val = Images(range(16)), Images(range(16, 24))
    first, again = fitted(train, val), fitted(train, val)
    assert_equal(weights(first), weights(again))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.mean.item() == 3.75
    assert first.predict(Images(range(5), paired=False)).shape == (5, 1)

    x = torch.rand(24, 3, 8, 8)
    pairs = torch.utils.data.TensorDataset(x, torch.arange(24.0))
    like = Subset(x, torch.arange(24), torch.arange(24.0)[:, None])
    expected = fitted(like)
    for data in (pairs, torch.utils.data.ConcatDataset([pairs])):
        assert_equal(weights(fitted(data)), weights(expected))
    for method in (expected.predict, expected.embed):
        assert torch.equal(method(x), method(like))
    part = torch.utils.data.Subset(pairs, range(5))
    torch.testing.assert_close(expected.predict(part), expected.predict(x[:5]))
    joined = torch.utils.data.ConcatDataset([graphs[:10], graphs[10:]])
    assert_equal(weights(model("gin").fit(joined)), weights(model("gin").fit(graphs)))
    with pytest.raises(RncGraphError, match="train: expected targets y, got a dataset without"):
        fitted(x)
