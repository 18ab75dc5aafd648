"""Pretraining: speed and memory by the size of the corpus, and a run killed several times.

    pip install --no-deps molsets==0.3.1
    python benchmarks/pretraining.py [--corpus moses] [--sizes 65536 1507328]
        [--molecules 100000] [--passes 3] [--kills 3] [--device cpu] [--jobs 2]
        [--out results/benchmarks/pretraining.json]

Sizes, in whole chunks of 65,536 molecules: each part of the work runs in a process of its own,
whose highest memory is noted, and twice a second that of all processes of the part together.
Descriptors are computed for the first of the sizes; the stores of the others hold the same shards
again and again, as links, so that training reads a corpus of that size. Training is of four chunks,
for descriptors alone; for the first size also with Rank-N-Contrast.

Kills: the real command, ``rnc-graph pretrain``, on so many molecules, once undisturbed and once
with SIGKILLs to all its processes: the first when it has written a shard of descriptors, each other
one when it has written a checkpoint of the training anew. Both begin without descriptors. Every
file of the encoder but the seconds and the command in its card must have the same bytes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from kills import alive
from report import processor, write

from rnc_graph.encoders.pretrained import CARD
from rnc_graph.pretraining import describe_corpus, make_recipe, open_corpus, pretrain_encoder
from rnc_graph.pretraining.corpus import Corpus, read_corpus
from rnc_graph.pretraining.loader import CHUNK, chunks_of
from rnc_graph.pretraining.shards import CorpusStore

RECIPE: dict[str, Any] = {"fragments": True, "batch_size": 1024, "learning_rate": 2e-3}
OBJECTIVES = {"train": {"descriptors": 1.0}, "train, rnc": {"descriptors": 1.0, "rnc": 0.3}}
CHUNKS = 4
SHARDS = "[0-9]*.safetensors"


def listed(folder: Path) -> Corpus:
    corpus = read_corpus(folder)
    assert corpus is not None
    return corpus


def listing(corpus: str, molecules: int, folder: Path, jobs: int) -> int:
    recipe = make_recipe(corpus=corpus, molecules=molecules, **RECIPE)
    return open_corpus(recipe, folder=folder, jobs=jobs).molecules


def describing(folder: Path, jobs: int) -> int:
    store = describe_corpus(listed(folder), jobs=jobs)
    assert store.ranks.names
    return store.corpus.molecules


def linked(folder: Path, described: Path) -> None:
    """Fill a store with the shards of another."""
    store, made = CorpusStore(listed(folder)), CorpusStore(listed(described)).shards
    for number, path in enumerate(store.shards):
        os.link(made[number % len(made)], path)
    assert store.ranks.names


def training(part: str, corpus: str, folder: Path, device: str) -> int:
    store = CorpusStore(listed(folder))
    passes = CHUNKS / chunks_of(store)
    recipe = make_recipe(corpus=corpus, passes=passes, objectives=OBJECTIVES[part], **RECIPE)
    made = pretrain_encoder(recipe, store=store, device=device, probes=False)
    return int(made.card["steps"]) * recipe.batch_size


def apart(function: Callable[..., int], *given: Any) -> dict[str, float]:
    """Run a function that handles molecules in a process of its own; return speed and memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, function, *given).result()


def _measured(function: Callable[..., int], *given: Any) -> dict[str, float]:
    os.setsid()
    largest, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            largest.append(_resident_mib(os.getsid(0)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.monotonic()
    molecules = function(*given)
    seconds = time.monotonic() - begun
    done.set()
    watcher.join()
    status = Path("/proc/self/status").read_text()
    (own,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return {
        "molecules": molecules,
        "seconds": seconds,
        "own_mib": int(own) / 1024,
        "all_mib": max(largest),
    }


def _resident_mib(session: int) -> float:
    """Return the memory of all processes of a session; pages that they share count for each."""
    command = ["ps", "-o", "rss=", "-s", str(session)]
    sizes = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return sum(map(int, sizes)) / 1024


def by_size(arguments: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Return what each part took, for each size."""
    rows: list[dict[str, Any]] = []
    for size in arguments.sizes:
        own, first = folder / str(size), folder / str(arguments.sizes[0])
        row: dict[str, Any] = {"molecules": size}
        row["list"] = apart(listing, arguments.corpus, size, own, arguments.jobs)
        if own == first:
            row["describe"] = apart(describing, own, arguments.jobs)
        else:
            linked(own, first)
        for part in OBJECTIVES if own == first else ("train",):
            row[part] = apart(training, part, arguments.corpus, own, arguments.device)
        rows.append(row)
        print(row, flush=True)
    return rows


def contents(folder: Path) -> dict[str, Any]:
    """Return the files of an encoder, without how long it took and where it was written."""
    files: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    card = json.loads(files[CARD])
    return files | {CARD: {key: card[key] for key in card.keys() - {"seconds", "command"}}}


def kill_at(command: list[str], folder: Path, pattern: str) -> None:
    """Run a command, and kill all its processes when it has written a file of the pattern."""

    def newest() -> int:
        return max((path.stat().st_mtime_ns for path in folder.glob(pattern)), default=0)

    before = newest()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet, start_new_session=True)
    while newest() == before:
        if process.poll() is not None:
            sys.exit(f"it ended before it wrote {pattern}; take more molecules or passes")
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    while alive(process.pid):
        time.sleep(0.05)


def kill_runs(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the command undisturbed, and killed; return times and the files that differ."""
    recipe = folder / "recipe.yaml"
    own = {"corpus": arguments.corpus, "molecules": arguments.molecules, "passes": arguments.passes}
    recipe.write_text(json.dumps(RECIPE | own | {"objectives": OBJECTIVES["train, rnc"]}))

    def command(name: str) -> list[str]:
        places = ["--store", str(folder / f"{name}-store"), "--out", str(folder / name)]
        how = ["--jobs", str(arguments.jobs), "--device", arguments.device]
        return [sys.executable, "-m", "rnc_graph.cli", "pretrain", str(recipe), *places, *how]

    begun = time.monotonic()
    subprocess.run(command("whole"), check=True)
    seconds = time.monotonic() - begun
    kills: list[dict[str, Any]] = []
    store = folder / "killed-store"
    for number in range(arguments.kills):
        kill_at(command("killed"), store, "*.ckpt" if number else SHARDS)
        shards = len(list(store.glob(SHARDS)))
        kills.append({"shards": shards, "trained": bool(list(store.glob("*.ckpt")))})
        print(f"kill {len(kills)}: {kills[-1]}", flush=True)
    subprocess.run(command("killed"), check=True)
    whole, other = contents(folder / "whole"), contents(folder / "killed")
    differing = sorted(key for key in whole.keys() | other if whole.get(key) != other.get(key))
    found = {"molecules": arguments.molecules, "seconds": seconds, "kills": kills}
    return found | {"files": len(whole), "differing": differing}


def markdown(result: dict[str, Any]) -> str:
    """Return the tables."""
    lines = [
        "# Pretraining",
        "",
        f"By `python benchmarks/pretraining.py`. {result['machine']}, torch {result['torch']}, "
        f"{result['jobs']} processes. What is measured: `benchmarks/pretraining.py`.",
    ]
    if result["sizes"]:
        lines += [
            "",
            "| molecules in the corpus | part | molecules/s | peak of the process, MiB "
            "| of all its processes, MiB |",
            "|---:|---|---:|---:|---:|",
        ]
        lines += [
            f"| {row['molecules']:,} | {part} | {found['molecules'] / found['seconds']:,.0f} "
            f"| {found['own_mib']:,.0f} | {found['all_mib']:,.0f} |"
            for row in result["sizes"]
            for part, found in row.items()
            if part != "molecules"
        ]
    if found := result["kills"]:
        lines += [
            "",
            f"{found['molecules']:,} molecules, {found['seconds']:.0f} s undisturbed, killed "
            f"{len(found['kills'])} times: {len(found['differing'])} of {found['files']} files "
            "differ.",
            "",
            "| kill | shards described | checkpoint of training |",
            "|---:|---:|---|",
        ]
        lines += [
            f"| {number} | {kill['shards']} | {'yes' if kill['trained'] else 'no'} |"
            for number, kill in enumerate(found["kills"], 1)
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="moses")
    parser.add_argument("--sizes", type=int, nargs="*", default=[CHUNK, 23 * CHUNK])
    parser.add_argument("--molecules", type=int, default=100_000)
    parser.add_argument("--passes", type=float, default=3)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/pretraining.json"))
    arguments = parser.parse_args()
    machine = processor()
    if arguments.device == "gpu":
        machine = f"{torch.cuda.get_device_name()}, {machine}"
    result: dict[str, Any] = {
        "machine": machine,
        "torch": torch.__version__,
        "jobs": arguments.jobs,
        "kills": {},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result["sizes"] = by_size(arguments, folder)
        write(result, markdown(result), arguments.out)
        if arguments.kills:
            result["kills"] = kill_runs(arguments, folder)
            write(result, markdown(result), arguments.out)
    if differing := result["kills"].get("differing"):
        sys.exit(f"differing: {differing}")


if __name__ == "__main__":
    main()
