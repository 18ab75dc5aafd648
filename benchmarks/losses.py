"""Time and memory of each loss against that of its matrix products alone.

    python benchmarks/losses.py [--out results/benchmarks/losses.json]

CPU time of forward and backward on one thread in float32, the two interleaved, medians. The
products are those that no implementation can do without: all similarities, and the gradient of the
anchors from them. Peak memory is what a process of its own grows by. Writes JSON, and the same as
Markdown beside it.
"""

import argparse
import gc
import json
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

from rnc_graph.losses import (
    AttentionNCELoss,
    KCLLoss,
    RINCELoss,
    RnCLoss,
    SupConLoss,
    TSCLoss,
)

SAMPLES, BANK, SIZE, CLASSES = 512, 8192, 128, 10
REPEATS = 15


def cases() -> dict[str, tuple[Callable[[Tensor], Tensor], Tensor, Tensor]]:
    """Return by name: the loss of its first input, that input, and the products' two factors' rest.

    The products are those of the input's anchors with the third.
    """
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def integers(high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=generator)

    labels, bank_labels = integers(CLASSES, SAMPLES), integers(CLASSES, BANK)
    query, key, bank, targets = (normal(n, SIZE) for n in (SAMPLES, SAMPLES, BANK, CLASSES))
    two, six, y = normal(SAMPLES, 2, SIZE), normal(SAMPLES, 6, SIZE), normal(SAMPLES, 1)
    both = normal(2 * SAMPLES, SIZE)
    # Five ranks and the unranked, a sixth of the bank each.
    similarity = torch.tensor([1.0, 0.75, 0.5, 0.25, 0.0, -1.0])[integers(6, SAMPLES, BANK)]
    queue = key, labels, bank, bank_labels
    assigned = torch.arange(CLASSES)
    kcl, kcl_all, tsc, supcon = KCLLoss(), KCLLoss(positives=None), TSCLoss(), SupConLoss()
    rince = {variant: RINCELoss(variant) for variant in ("in", "out", "out-in")}
    found: dict[str, tuple[Callable[[Tensor], Tensor], Tensor, Tensor]] = {
        "RnC": (lambda x: RnCLoss()(x, y), two, both),
        "SupCon": (lambda x: supcon(x, labels), two, both),
        "AttentionNCE": (AttentionNCELoss(), six, both),
        "KCL": (lambda x: kcl(x, *queue), query, bank),
        "KCL, all positives": (lambda x: kcl_all(x, *queue), query, bank),
        "TSC": (lambda x: tsc(x, *queue, targets, assigned), query, bank),
    }
    for variant, loss in rince.items():
        found[f"RINCE, {variant}"] = (
            lambda x, loss=loss: loss(x, key, bank, similarity), query, bank)  # fmt: skip
    return found


def runs(name: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return forward and backward of the loss, and the products alone."""
    loss, first, candidates = cases()[name]
    first.requires_grad_()
    # N anchors against themselves, or B against the bank.
    anchors = candidates if len(candidates) != BANK else first.detach()

    def ours() -> None:
        first.grad = None
        torch.autograd.backward(loss(first))

    def products() -> None:
        torch.mm(torch.mm(anchors, candidates.T), candidates)

    return ours, products


def seconds(function: Callable[[], None]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def compare(name: str) -> dict[str, Any]:
    """Time both in turns."""
    ours, products = runs(name)
    ours()
    products()
    pairs = [(seconds(ours), seconds(products)) for _ in range(REPEATS)]
    loss, reference = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "loss": name,
        "ms": 1e3 * loss,
        "products_ms": 1e3 * reference,
        "ratio": loss / reference,
    }


def memory(kind: str) -> float:
    """Return "VmHWM", the peak memory of this process, or "VmRSS", the present, in MiB (Linux)."""
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if kind in x)
    return int(line.split()[1]) / 2**10


def growth(name: str, which: str) -> float:
    """Return by how many MiB the memory of this process grows at most over one run of ``which``."""
    ours, products = runs(name)
    # What the first call of anything loads is not the loss's: a small one, before.
    x = torch.ones(2, 2, SIZE).requires_grad_()
    torch.autograd.backward(SupConLoss()(x, torch.zeros(2, dtype=torch.long)))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # The peak starts anew.
    before = memory("VmRSS")
    (ours if which == "loss" else products)()
    return memory("VmHWM") - before


def grown(name: str, which: str) -> float:
    """Return ``growth`` in a process of its own."""
    command = [sys.executable, __file__, "--growth", name, which]
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return float(json.loads(child.stdout))


def markdown(result: dict[str, Any]) -> str:
    """Return the table."""
    lines = [
        f"CPU time of forward and backward, B = {SAMPLES}, bank or queue K = {BANK:,}, "
        f"d = {SIZE}, float32, one thread, torch {result['torch']}, {result['processor']}",
        "",
        "| loss | ms | products alone, ms | ratio | peak memory, MiB | of the products, MiB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['loss']} | {row['ms']:.1f} | {row['products_ms']:.1f} | {row['ratio']:.1f} "
        f"| {row['mib']:.1f} | {row['products_mib']:.1f} |"
        for row in result["compared"]
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/losses.json"))
    parser.add_argument("--growth", nargs=2, metavar=("LOSS", "WHICH"), help="print it as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.growth:
        print(json.dumps(growth(*arguments.growth)))
        return
    names = list(cases())
    mib = {
        name: {"mib": grown(name, "loss"), "products_mib": grown(name, "products")}
        for name in names
    }
    result = {
        "torch": torch.__version__,
        "processor": processor(),
        "compared": [compare(name) | mib[name] for name in names],
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
