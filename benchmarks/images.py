"""Images per second: whole-batch augmentation from the cache against a plain DataLoader.

    python benchmarks/images.py [--out results/benchmarks/images.json] [--threads 2]

The same images, transforms and batch size for both. The DataLoader has two workers, which decode
each JPEG at every pass and apply torchvision.transforms.v2 image by image, to tensors or to images
of Pillow; ours is compared with the faster one. Ours is `Loader` over images that were decoded
once, transformed batch by batch in the training process, without a worker. First batches alone,
then training steps (forward, backward, SGD) of the same encoder. One pass of each in turn, medians
of the passes. Writes JSON, and the same as Markdown.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from report import processor, write
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from rnc_graph.data import Loader, Subset
from rnc_graph.data.inputs import make_augmentation
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.vision import Decoding, decoded_images

SOURCE, SIZE = 128, 64
BATCH_SIZE = 128
WORKERS = 2
AUGMENTATION: dict[str, Any] = {
    "random_resized_crop": {"scale": [0.2, 1.0]},
    "flip": {},
    "color_jitter": {"strength": 0.5},
    "grayscale": {"probability": 0.2},
}
# From light to heavy: the more a network takes, the less its images matter.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet8, width 4": ("resnet8", {"stride": 2, "width": 4}),
    "resnet8, width 16, as in the shipped specs": ("resnet8", {"stride": 2, "width": 16}),
    "resnet8": ("resnet8", {"stride": 2}),
    "resnet18": ("resnet18", {}),
}

Feed = Callable[[], Iterator[tuple[Tensor, Tensor]]]


def write_jpegs(folder: Path, images: int) -> list[Path]:
    """Write smooth random images, which take as long to decode as photographs."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(images):
        coarse = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((SOURCE, SOURCE), Image.Resampling.BICUBIC)
        path = folder / f"{number}.jpg"
        image.save(path, quality=90)
        paths.append(path)
    return paths


class Jpegs(Dataset[tuple[Tensor, Tensor]]):
    """The plain way: a file is opened, decoded and altered whenever it is asked for."""

    def __init__(self, paths: list[Path], targets: Tensor, tensors: bool) -> None:
        self.paths = paths
        self.targets = targets
        begin: list[nn.Module] = [v2.ToImage()] if tensors else []
        end: list[nn.Module] = [] if tensors else [v2.ToImage()]
        self.view = v2.Compose(
            [
                *begin,
                v2.RandomResizedCrop(SIZE, scale=(0.2, 1.0), antialias=True),
                v2.RandomHorizontalFlip(),
                v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
                v2.RandomGrayscale(0.2),
                *end,
                v2.ToDtype(torch.float32, scale=True),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        with Image.open(self.paths[row]) as image:
            return self.view(image.convert("RGB")), self.targets[row]


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def feeds(paths: list[Path]) -> tuple[dict[str, Feed], float]:
    """Return what yields a pass of shuffled batches, for each; and the seconds of decoding once."""
    targets = torch.randn(len(paths), 1, generator=torch.Generator().manual_seed(0))
    start = time.perf_counter()
    images, _ = decoded_images(paths, Decoding(SIZE), jobs=WORKERS)
    seconds = time.perf_counter() - start
    view = make_augmentation(AUGMENTATION)
    rows = torch.arange(len(paths))
    ours = Loader(Subset(images, rows, targets), BATCH_SIZE, shuffle_seed=0, transform=view)
    every: dict[str, Feed] = {"ours": lambda: iter(ours)}
    for name, tensors in (("v2 on tensors", True), ("v2 on Pillow", False)):
        loader = DataLoader(
            Jpegs(paths, targets, tensors),
            BATCH_SIZE,
            shuffle=True,
            num_workers=WORKERS,
            persistent_workers=True,  # Their start is no part of a pass.
            worker_init_fn=_one_thread,
        )
        every[name] = lambda loader=loader: iter(loader)
    return every, seconds


def batches_alone(batches: Iterable[tuple[Tensor, Tensor]]) -> int:
    """Make the batches and do nothing with them; return how many images there were."""
    return sum(len(targets) for _, targets in batches)


def trainer(name: str, options: dict[str, Any]) -> Callable[[Iterable[tuple[Tensor, Tensor]]], int]:
    """Return what trains a fresh model on batches and returns the number of images."""
    torch.manual_seed(0)
    encoder = ENCODERS.make(name, **options)
    model = nn.Sequential(encoder, Head(encoder.embedding_dim, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)

    def train(batches: Iterable[tuple[Tensor, Tensor]]) -> int:
        images = 0
        for batch, targets in batches:
            optimizer.zero_grad()
            F.l1_loss(model(batch), targets).backward()
            optimizer.step()
            images += len(targets)
        return images

    return train


def compare(
    what: str,
    feeds: dict[str, Feed],
    work: Callable[[Iterable[tuple[Tensor, Tensor]]], int],
    rounds: int,
) -> dict[str, Any]:
    """Return one row of the table, the medians over passes that take turns."""
    rates: dict[str, list[float]] = {name: [] for name in feeds}
    for warm in [True] + [False] * rounds:
        for name, feed in feeds.items():
            start = time.perf_counter()
            images = work(feed())
            if not warm:
                rates[name].append(images / (time.perf_counter() - start))
    medians = {name: statistics.median(rate) for name, rate in rates.items()}
    best = max(rate for name, rate in medians.items() if name != "ours")
    return {"what": what, "images_per_second": medians, "times": medians["ours"] / best}


def markdown(result: dict[str, Any]) -> str:
    """Return the table."""
    lines = [
        f"{result['images']:,} JPEG files of {SOURCE} x {SOURCE}, training at {SIZE} x {SIZE}, "
        f"batches of {BATCH_SIZE}, {result['threads']} threads, {WORKERS} workers of the "
        f"DataLoader, torch {result['torch']}, torchvision {result['torchvision']}, "
        f"{result['processor']}, load average {result['load_average']:.1f} at the start",
        "",
        "| images per second | DataLoader, v2 on tensors | DataLoader, v2 on Pillow | "
        "whole batches from the cache | times the faster |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in result["compared"]:
        rate = row["images_per_second"]
        lines.append(
            f"| {row['what']} | {rate['v2 on tensors']:,.0f} | {rate['v2 on Pillow']:,.0f} "
            f"| {rate['ours']:,.0f} | {row['times']:.2f} |"
        )
    lines += ["", f"Decoding into the cache, once: {result['decoding_s']:.2f} s"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/images.json"))
    parser.add_argument("--threads", type=int, default=2, help="of torch, in the training process")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    result: dict[str, Any] = {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "processor": processor(),
        "threads": arguments.threads,
        "images": arguments.images,
        # Other work on the machine slows both; what it does to their ratio is not known.
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
    }
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RNC_GRAPH_CACHE"] = str(Path(folder) / "cache")
        every, result["decoding_s"] = feeds(write_jpegs(Path(folder), arguments.images))
        compared = [compare("batches alone", every, batches_alone, arguments.rounds)]
        for label, (name, options) in MODELS.items():
            work = trainer(name, options)
            compared.append(compare(f"training steps, {label}", every, work, arguments.rounds))
    result["compared"] = compared
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
