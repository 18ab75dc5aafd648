"""Training steps per second from the packed store against PyG's DataLoader.

    python benchmarks/loader.py [--out results/benchmarks/loader.json]

The same model, molecules (ESOL) and batch size for both: `Loader` over the packed store, and
`torch_geometric.loader.DataLoader` over a list of `Data`. Forward, backward and AdamW step on one
thread, a pass of each in turns, medians of the passes; a third takes batches made beforehand, which
no loader can surpass. Beside that, batches alone without a model, and the way from the CSV file to
the store. Writes JSON, and the same as Markdown beside it.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch_geometric
from report import processor, write
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from rnc_graph.data import Loader, MoleculeDataset, Subset
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.training import StageConfig

BATCH_SIZE = 64
ROUNDS = 7
MODELS: dict[str, dict[str, Any]] = {"gin": {"hidden_dim": 128}, "gcn": {}, "mpnn": {}}

Feed = Callable[[], Iterator[tuple[Batch, Tensor]]]


def feeds(data: MoleculeDataset) -> dict[str, Feed]:
    """Return what yields a pass of shuffled batches, for each; set up before any clock runs."""
    targets = torch.from_numpy(data.table.targets).float()
    rows = torch.arange(len(targets))
    packed = Loader(Subset(data, rows, targets), BATCH_SIZE, shuffle_seed=0)
    graphs = data.to_pyg()
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(graphs, BATCH_SIZE, shuffle=True, generator=generator)
    ready = list(packed)
    return {
        "pyg": lambda: ((batch, batch.y) for batch in loader),
        "packed": lambda: iter(packed),
        # What no loader can surpass.
        "ready": lambda: iter(ready),
    }


def batches_alone(batches: Iterable[tuple[Batch, Tensor]]) -> int:
    """Make the batches and do nothing with them; return how many there were."""
    return sum(1 for _ in batches)


def trainer(name: str, options: dict[str, Any]) -> Callable[[Iterable[tuple[Batch, Tensor]]], int]:
    """Return what trains a fresh model on batches and returns the number of steps."""
    torch.manual_seed(0)
    encoder = ENCODERS.make(name, **options)
    model = nn.Sequential(encoder, Head(encoder.embedding_dim, 1))
    optimizer = StageConfig(schedule="constant").configure(model.parameters(), 1)

    def train(batches: Iterable[tuple[Batch, Tensor]]) -> int:
        steps = 0
        for batch, targets in batches:
            optimizer.zero_grad()
            F.l1_loss(model(batch), targets).backward()
            optimizer.step()
            steps += 1
        return steps

    return train


def per_second(
    feeds: dict[str, Feed], work: dict[str, Callable[[Iterable[Any]], int]]
) -> dict[str, float]:
    """Return the median number of steps per second over passes that take turns."""
    rates: dict[str, list[float]] = {name: [] for name in feeds}
    for warm in [True] + [False] * ROUNDS:
        for name, feed in feeds.items():
            start = time.perf_counter()
            steps = work[name](feed())
            if not warm:
                rates[name].append(steps / (time.perf_counter() - start))
    return {name: statistics.median(rate) for name, rate in rates.items()}


def compare(
    what: str, feeds: dict[str, Feed], work: dict[str, Callable[[Iterable[Any]], int]]
) -> dict[str, Any]:
    """Return one row of the table."""
    rate = per_second(feeds, work)
    return {
        "what": what,
        "pyg_per_second": rate["pyg"],
        "packed_per_second": rate["packed"],
        "ready_per_second": rate.get("ready"),
        "times": rate["packed"] / rate["pyg"],
    }


def from_csv() -> dict[str, float]:
    """Return the seconds from the CSV file to the packed store, first without and then with cache.

    The interpreter and the libraries are loaded already.
    """
    uncached, cached = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["RNC_GRAPH_CACHE"] = folder
            for seconds in (uncached, cached):
                start = time.perf_counter()
                MoleculeDataset.load("esol")
                seconds.append(time.perf_counter() - start)
    return {"uncached_s": statistics.median(uncached), "cached_s": statistics.median(cached)}


def ready(row: dict[str, Any]) -> str:
    """Return the last cell of a row."""
    rate = row["ready_per_second"]
    return "" if rate is None else f"{rate:,.1f}"


def markdown(result: dict[str, Any]) -> str:
    """Return the table."""
    lines = [
        f"ESOL, batches of {BATCH_SIZE}, shuffled, one thread, torch {result['torch']}, "
        f"torch_geometric {result['torch_geometric']}, {result['processor']}, "
        f"load average {result['load_average']:.1f} at the start",
        "",
        "| per second | PyG's DataLoader | packed store | times | batches made beforehand |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['what']} | {row['pyg_per_second']:,.1f} | {row['packed_per_second']:,.1f} "
        f"| {row['times']:.2f} | {ready(row)} |"
        for row in result["compared"]
    ]
    seconds = result["from_csv"]
    lines += [
        "",
        f"From the CSV file to the packed store ({result['molecules']:,} molecules): "
        f"{seconds['uncached_s']:.2f} s, from the cache {1e3 * seconds['cached_s']:.0f} ms",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/loader.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {
        "torch": torch.__version__,
        "torch_geometric": torch_geometric.__version__,
        "processor": processor(),
        # Other work on the machine slows both; what it does to their ratio is not known.
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
        "from_csv": from_csv(),
    }
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RNC_GRAPH_CACHE"] = folder
        data = MoleculeDataset.load("esol")
    result["molecules"] = len(data.table)
    every = feeds(data)
    made = {name: every[name] for name in ("pyg", "packed")}
    result["compared"] = [compare("batches alone", made, dict.fromkeys(made, batches_alone))]
    for name, options in MODELS.items():
        encoder = ENCODERS.make(name, **options)
        size = f"{name}, embedding of {encoder.embedding_dim}"
        work = {feed: trainer(name, options) for feed in every}
        result["compared"].append(compare(f"training steps, {size}", every, work))
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
