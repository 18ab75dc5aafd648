"""CPU time of a training step: by PyG's layers, as it is, and in ways that were not adopted.

    python benchmarks/training.py [--out results/benchmarks/training.json]

ESOL in batches of 64 on one thread: forward, backward and AdamW step, with a head on one view, and
with RnCLoss on two augmented views. All take the same batches in turns. "PyG's layers" is the same
encoder with the same weights, by GINEConv, GCNConv and NNConv, EmbeddingBag and PyTorch's dropout;
both give the same embeddings in evaluation mode. "bf16" is autocast, and "compiled" the encoder by
torch.compile, whose compilation is not timed.
Writes JSON, and the same as Markdown beside it.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from report import processor, write
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn import GCNConv, GINEConv, NNConv, global_add_pool, global_mean_pool

from rnc_graph.data import Loader, MoleculeDataset, Subset
from rnc_graph.data.transforms import make_view
from rnc_graph.encoders import ENCODERS, GIN, MPNN, Head
from rnc_graph.losses import RnCLoss
from rnc_graph.training import StageConfig
from rnc_graph.training.contrast import by_sample

ENCODERS_TIMED: list[tuple[str, dict[str, Any]]] = [
    ("gin", {"hidden_dim": 64, "layers": 3}),
    ("gin", {"hidden_dim": 300, "layers": 3}),
    ("gcn", {"hidden_dim": 64, "layers": 3}),
    ("mpnn", {"hidden_dim": 64}),
]
BATCH_SIZE = 64
WAYS = ("PyG's layers", "as it is", "bf16", "compiled")


class ByPyG(nn.Module):
    """An encoder of ours by PyG's layers and PyTorch's."""

    def __init__(self, ours: Any) -> None:
        super().__init__()
        self.embedding_dim, width = ours.embedding_dim, ours.embedding_dim // 2
        self.atoms, self.dropout, self.update = ours.atom_embedding, ours.dropout.p, None
        if isinstance(ours, MPNN):
            network = nn.Sequential(ours.message.bond_embedding.table, ours.message.edge_network)
            weights = {name: value.clone() for name, value in network.state_dict().items()}
            layer = NNConv(width, width, network, "mean", root_weight=False, bias=False)
            network.load_state_dict(weights)  # PyG draws those of its modules anew.
            self.layers = nn.ModuleList([layer] * ours.steps)
            self.bonds, self.update = [ours.message.bond_embedding] * ours.steps, ours.update
            return
        self.layers, self.norms = nn.ModuleList(), ours.norms
        for convolution in (layer.convolution for layer in ours.convolutions):
            weights = {name: value.clone() for name, value in convolution.state_dict().items()}
            if isinstance(ours, GIN):
                self.layers.append(GINEConv(convolution.nn, train_eps=True))
            else:
                self.layers.append(GCNConv(width, width))
            self.layers[-1].load_state_dict(weights)
        self.bonds = [getattr(layer, "bond_embedding", None) for layer in ours.convolutions]

    def forward(self, batch: Any) -> Tensor:
        atoms = self.atoms.table(self.atoms.indices(batch.x))
        for number, (layer, bonds) in enumerate(zip(self.layers, self.bonds, strict=True)):
            edges = () if bonds is None else (bonds.indices(batch.edge_attr),)
            if self.update is not None:
                messages = layer(atoms, batch.edge_index, *edges).relu()
                atoms = self.update(F.dropout(messages, self.dropout, self.training), atoms)
                continue
            edges = () if bonds is None else (bonds.table(*edges),)
            out = self.norms[number](layer(atoms, batch.edge_index, *edges)).relu()
            atoms = atoms + F.dropout(out, self.dropout, self.training)
        pools = (global_add_pool, global_mean_pool)
        return torch.cat([pool(atoms, batch.batch, batch.num_graphs) for pool in pools], 1)


class Step:
    """A training step of a fresh model."""

    def __init__(self, name: str, options: dict[str, Any], views: int, way: str) -> None:
        torch.manual_seed(0)
        self.encoder, self.views = ENCODERS.make(name, **options), views
        self.cast = torch.autocast("cpu", torch.bfloat16, enabled=way == "bf16")
        if way == "PyG's layers":
            self.encoder = ByPyG(self.encoder)
        if way == "compiled":
            self.encoder.compile(dynamic=True)
        width = self.encoder.embedding_dim
        self.top = Head(width, 1, [64]) if views == 1 else nn.Linear(width, width)
        modules = nn.ModuleList([self.encoder, self.top])
        self.optimizer = StageConfig(schedule="constant").configure(modules.parameters(), 1)
        self.loss = RnCLoss()

    def __call__(self, batch: Any, targets: Tensor) -> float:
        """Return the milliseconds of CPU."""
        begun = time.process_time()
        self.optimizer.zero_grad()
        with self.cast:
            out = self.top(self.encoder(batch)).float()
        if self.views == 1:
            loss = F.mse_loss(out, targets)
        else:
            loss = self.loss(by_sample(out, len(targets)), targets)
        loss.backward()
        self.optimizer.step()
        return 1e3 * (time.process_time() - begun)


def compare(name: str, options: dict[str, Any], views: int, data: MoleculeDataset) -> list[float]:
    """Return the median of a step by each way."""
    targets = torch.from_numpy(data.table.targets).float()
    view = make_view({"mask_attributes": 0.1}) if views > 1 else None
    subset = Subset(data, torch.arange(len(targets)), targets)
    loader = Loader(subset, BATCH_SIZE, shuffle_seed=0, views=views, transform=view)
    steps = [Step(name, options, views, way) for way in WAYS]
    batch, _ = next(iter(loader))
    with torch.no_grad():
        theirs, ours = (step.encoder.eval()(batch) for step in steps[:2])
        torch.testing.assert_close(theirs, ours, rtol=1e-5, atol=1e-5)
    for step in steps:
        step.encoder.train()
    times: list[list[float]] = [[] for _ in WAYS]
    for epoch in range(4):
        for batch, y in loader:
            for step, own in zip(steps, times, strict=True):
                taken = step(batch, y)
                if epoch:  # The first warms up.
                    own.append(taken)
    return list(map(statistics.median, times))


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "# A training step",
        "",
        f"Made by `python benchmarks/training.py` on {result['processor']}, torch "
        f"{result['torch']}, other work beside it (load {result['load']:.1f}): milliseconds of CPU "
        f"on one thread, batches of {BATCH_SIZE}.",
        "",
        f"| encoder | width | views | {' | '.join(WAYS)} | times as fast as PyG's |",
        "|---|---:|---:" + "|---:" * (len(WAYS) + 1) + "|",
        *(
            f"| {row['encoder']} | {row['width']} | {row['views']} | "
            + " | ".join(f"{row['ms'][way]:.1f}" for way in WAYS)
            + f" | {row['ms'][WAYS[0]] / row['ms'][WAYS[1]]:.2f} |"
            for row in result["steps"]
        ),
        "",
        "`NNConv` makes a matrix for each edge; the MPNN here one for each kind of edge.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/training.json"))
    out = parser.parse_args().out
    torch.set_num_threads(1)
    data = MoleculeDataset.load("esol")
    steps = []
    for name, options in ENCODERS_TIMED:
        for views in (1, 2):
            ms = dict(zip(WAYS, compare(name, options, views, data), strict=True))
            steps.append(
                {"encoder": name, "width": options["hidden_dim"], "views": views, "ms": ms}
            )
    result = {
        "processor": processor(),
        "torch": torch.__version__,
        "load": os.getloadavg()[1],
        "steps": steps,
    }
    write(result, markdown(result), out)


if __name__ == "__main__":
    main()
