"""CPU time of a training step: as it is, and in ways that were not adopted.

    python benchmarks/training.py [--out results/benchmarks/training.json]

ESOL in batches of 64 on one thread: forward, backward and AdamW step, with a head on one view, and
with RnCLoss on two augmented views. All take the same batches in turns. "equal rows once" looks up
equal rows of features once, which changes the order of sums in the gradient, so the trained bits;
"bf16" is autocast, and "compiled" the encoder by torch.compile, whose compilation is not timed.
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

from rnc_graph.data import Loader, MoleculeDataset, Subset
from rnc_graph.data.transforms import make_view
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.encoders.features import FeatureEmbedding
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
WAYS = ("as it is", "equal rows once", "bf16", "compiled")


class ByKind(FeatureEmbedding):
    """Atoms and bonds are of few kinds, which are looked up, and get their gradients, once."""

    def forward(self, features: Tensor) -> Tensor:
        rows = torch.where(features < 0, self.sizes, features)
        strides = (self.sizes + 1).cumprod(0) // (self.sizes + 1)
        kinds, kind = torch.unique(rows @ strides, return_inverse=True)
        example = torch.empty_like(kinds).scatter_(0, kind, torch.arange(len(kind)))
        of_kinds: Tensor = self.table((rows + self.offsets)[example])
        return of_kinds.index_select(0, kind)


class Step:
    """A training step of a fresh model."""

    def __init__(self, name: str, options: dict[str, Any], views: int, way: str) -> None:
        torch.manual_seed(0)
        self.encoder, self.views = ENCODERS.make(name, **options), views
        self.cast = torch.autocast("cpu", torch.bfloat16, enabled=way == "bf16")
        for module in self.encoder.modules():
            if way == "equal rows once" and isinstance(module, FeatureEmbedding):
                module.__class__ = ByKind
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
        f"| encoder | width | views | {' | '.join(WAYS)} |",
        "|---|---:|---:" + "|---:" * len(WAYS) + "|",
        *(
            f"| {row['encoder']} | {row['width']} | {row['views']} | "
            + " | ".join(f"{row['ms'][way]:.1f}" for way in WAYS)
            + " |"
            for row in result["steps"]
        ),
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
