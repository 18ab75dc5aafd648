"""Time and memory of RnCLoss against the definition as a loop over candidates, and as a sort.

    python benchmarks/rnc_loss.py [--out results/benchmarks/rnc_loss.json]

CPU time of forward and backward on one thread, the three interleaved, medians, with one target and
with three. And one large batch in a process of its own, with its peak memory. Writes JSON, and the
same as Markdown beside it.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from report import processor, write
from torch import Tensor

from rnc_graph.losses import RnCLoss

VIEWS, SIZE = 2, 128
# Repeats of the loop, and of the others for each repeat of the loop, by the number of embeddings.
REPEATS = {256: (7, 5), 512: (5, 5), 1024: (3, 5)}
LARGE = 16_384


def loop_over_candidates(features: Tensor, labels: Tensor, temperature: float = 2.0) -> Tensor:
    """Write the definition with an N x N mask for each of the N - 1 candidates."""
    features = torch.cat(features.unbind(1))
    labels = labels.repeat(VIEWS, 1)
    count = len(features)
    others = ~torch.eye(count, dtype=torch.bool)
    distance = (labels[:, None] - labels[None]).abs().sum(-1)[others].view(count, count - 1)
    logits = -torch.cdist(features, features) / temperature
    logits = (logits - logits.max(1, keepdim=True).values.detach())[others].view(count, count - 1)
    weights = logits.exp()
    loss = torch.zeros(())
    for j in range(count - 1):
        mask = (distance >= distance[:, j : j + 1]).float()
        loss = loss - (logits[:, j] - (mask * weights).sum(1).log()).sum() / (count * (count - 1))
    return loss


def sort_and_logcumsumexp(features: Tensor, labels: Tensor, temperature: float = 2.0) -> Tensor:
    """Write the definition with the candidates of each anchor sorted by label distance."""
    features = torch.cat(features.unbind(1))
    labels = labels.repeat(VIEWS, 1)
    count = len(features)
    others = ~torch.eye(count, dtype=torch.bool)
    distance = (labels[:, None] - labels[None]).abs().sum(-1)[others].view(count, count - 1)
    logits = (-torch.cdist(features, features) / temperature)[others].view(count, count - 1)
    nearness, order = (-distance).sort(1)
    running = logits.gather(1, order).logcumsumexp(1)
    last_tie = torch.searchsorted(nearness, nearness, right=True) - 1
    return (running.gather(1, last_tie) - logits.gather(1, order)).mean()


def batch(count: int, targets: int = 1) -> tuple[Tensor, Tensor]:
    """Return features (count / V, V, d) and labels (count / V, t) with two decimals."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(count // VIEWS, VIEWS, SIZE, generator=generator).requires_grad_()
    labels = 2 * torch.randn(count // VIEWS, targets, generator=generator)
    return features, labels.mul(100).round().div(100)


def run(loss: Callable[[Tensor, Tensor], Tensor], features: Tensor, labels: Tensor) -> float:
    """Return the CPU seconds of one forward and backward pass."""
    features.grad = None
    start = time.process_time()
    torch.autograd.backward(loss(features, labels))
    return time.process_time() - start


def compare(count: int, targets: int) -> dict[str, float]:
    """Time all three on one batch, in turns."""
    features, labels = batch(count, targets)
    losses = {"rnc_loss": RnCLoss(), "sort": sort_and_logcumsumexp}
    turns, repeats = REPEATS[count]
    times: dict[str, list[float]] = {"rnc_loss": [], "sort": [], "loop": []}
    for loss in losses.values():
        run(loss, features, labels)
    for _ in range(turns):
        times["loop"].append(run(loop_over_candidates, features, labels))
        for _ in range(repeats):
            for name, loss in losses.items():
                times[name].append(run(loss, features, labels))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    return {
        "embeddings": count,
        "targets": targets,
        **{f"{name}_ms": 1e3 * seconds for name, seconds in medians.items()},
        "speedup": medians["loop"] / medians["rnc_loss"],
        "speedup_to_sort": medians["sort"] / medians["rnc_loss"],
    }


def large() -> dict[str, float]:
    """Time the large batch once; the peak memory is that of the whole process."""
    features, labels = batch(LARGE)
    seconds = run(RnCLoss(), features, labels)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
    return {"embeddings": LARGE, "seconds": seconds, "peak_gib": peak / 2**30}


def markdown(result: dict[str, Any]) -> str:
    """Return the table."""
    lines = [
        f"RnCLoss, CPU time of forward and backward, V = {VIEWS}, d = {SIZE}, float32, one thread, "
        f"torch {result['torch']}, {result['processor']}",
        "",
        "| N | targets | loop over candidates, ms | sort and logcumsumexp, ms | RnCLoss, ms "
        "| times faster than the loop | than the sort |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['embeddings']:,} | {row['targets']} | {row['loop_ms']:,.0f} "
        f"| {row['sort_ms']:.1f} | {row['rnc_loss_ms']:.1f} "
        f"| {row['speedup']:.0f} | {row['speedup_to_sort']:.1f} |"
        for row in result["compared"]
    ]
    row = result["large"]
    lines += [
        "",
        f"N = {row['embeddings']:,}: {row['seconds']:.1f} s, peak memory of the process "
        f"{row['peak_gib']:.2f} GiB",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/rnc_loss.json"))
    parser.add_argument("--only-large", action="store_true", help="print the large batch as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.only_large:
        print(json.dumps(large()))
        return
    # First: a process starts with the peak memory of the one that started it.
    child = subprocess.run(
        [sys.executable, __file__, "--only-large"], check=True, stdout=subprocess.PIPE
    )
    result = {
        "torch": torch.__version__,
        "processor": processor(),
        "compared": [compare(count, targets) for targets in (1, 3) for count in REPEATS],
        "large": json.loads(child.stdout),
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
