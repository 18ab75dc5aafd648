"""Pretraining: a run killed several times, and speed and memory by the size of the corpus.

    pip install --no-deps molsets==0.3.1
    python benchmarks/pretraining.py [--corpus moses] [--molecules 100000] [--kills 3]
        [--sizes 100000 1500000] [--device cpu] [--jobs 2]
        [--out results/benchmarks/pretraining.json]

Kills: the real command, ``rnc-graph pretrain``, on so many molecules, once undisturbed and once
with a SIGKILL to all its processes after each equal share of that time; both begin without
descriptors. Every file of the encoder but the seconds in its card must have the same bytes.

Sizes: each part of the work runs in a process of its own, whose highest resident memory is noted.
Descriptors are computed for the first of the sizes; the stores of the others hold the same shards
again and again, as links, so that training reads a corpus of that size. Training is of four chunks
of 16 shards, for descriptors alone; for the first size also with Rank-N-Contrast.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from kills import killed
from report import processor, write

from rnc_graph.encoders.pretrained import CARD
from rnc_graph.pretraining import describe_corpus, make_recipe, open_corpus, pretrain_encoder
from rnc_graph.pretraining.corpus import read_corpus
from rnc_graph.pretraining.loader import chunks_of
from rnc_graph.pretraining.shards import CorpusStore

RECIPE: dict[str, Any] = {"fragments": True, "batch_size": 1024, "learning_rate": 2e-3}
OBJECTIVES = {"train": {"descriptors": 1.0}, "train, rnc": {"descriptors": 1.0, "rnc": 0.3}}
CHUNKS = 4


def contents(folder: Path) -> dict[str, Any]:
    """Return the files of an encoder, without how long it took."""
    files: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    card = json.loads(files[CARD])
    return files | {CARD: {key: value for key, value in card.items() if key != "seconds"}}


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
    for _ in range(arguments.kills):
        if not killed(command("killed"), dict(os.environ), seconds / (arguments.kills + 1), True):
            sys.exit(f"all was done after {len(kills)} kills; take more molecules or passes")
        store = folder / "killed-store"
        done = {"shards": len(list(store.glob("[0-9]*.safetensors"))),
                "trained": bool(list(store.glob("*.ckpt")))}  # fmt: skip
        kills.append(done)
        print(f"kill {len(kills)}: {done}", flush=True)
    subprocess.run(command("killed"), check=True)
    whole, other = contents(folder / "whole"), contents(folder / "killed")
    differing = sorted(key for key in whole.keys() | other if whole.get(key) != other.get(key))
    return {"molecules": arguments.molecules, "seconds": seconds, "kills": kills,
            "files": len(whole), "differing": differing}  # fmt: skip


def apart(function: Callable[..., Any], *given: Any) -> dict[str, float]:
    """Run a function in a process of its own; return its seconds and its highest memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, function, *given).result()


def _measured(function: Callable[..., Any], *given: Any) -> dict[str, float]:
    begun = time.monotonic()
    function(*given)
    seconds = time.monotonic() - begun
    kib = {name: resource.getrusage(who).ru_maxrss for name, who in _WHO.items()}
    return {"seconds": seconds, **{f"{name}_mib": value / 1024 for name, value in kib.items()}}


# The largest of the processes that a part starts, too.
_WHO = {"peak": resource.RUSAGE_SELF, "worker": resource.RUSAGE_CHILDREN}


def listing(corpus: str, molecules: int, folder: Path, jobs: int) -> None:
    recipe = make_recipe(corpus=corpus, molecules=molecules, **RECIPE)
    open_corpus(recipe, folder=folder, jobs=jobs)


def describing(folder: Path, jobs: int) -> None:
    describe_corpus(_listed(folder), jobs=jobs)


def linked(folder: Path, described: Path) -> None:
    """Fill a store with the shards of another."""
    made = CorpusStore(_listed(described)).shards
    for number, path in enumerate(CorpusStore(_listed(folder)).shards):
        os.link(made[number % len(made)], path)


def training(part: str, corpus: str, folder: Path, device: str) -> None:
    store = CorpusStore(_listed(folder))
    passes = CHUNKS / chunks_of(store)
    recipe = make_recipe(corpus=corpus, passes=passes, objectives=OBJECTIVES[part], **RECIPE)
    pretrain_encoder(recipe, store=store, device=device, probes=False)


def _listed(folder: Path) -> Any:
    corpus = read_corpus(folder)
    assert corpus is not None
    return corpus


def by_size(arguments: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Return what each part took, for each size."""
    rows: list[dict[str, Any]] = []
    first = folder / str(arguments.sizes[0])
    for size in arguments.sizes:
        own = folder / str(size)
        row: dict[str, Any] = {"molecules": size}
        row["list"] = apart(listing, arguments.corpus, size, own, arguments.jobs)
        if own == first:
            row["describe"] = apart(describing, own, arguments.jobs)
        else:
            linked(own, first)
        for part in OBJECTIVES if own == first else ("train",):
            row[part] = apart(training, part, arguments.corpus, own, arguments.device)
            chunk = size // chunks_of(CorpusStore(_listed(own)))
            row[part]["molecules"] = CHUNKS * chunk
        rows.append(row)
        print(row, flush=True)
    return rows


def markdown(result: dict[str, Any]) -> str:
    """Return the tables."""
    lines = ["# Pretraining", "", f"By `{result['run']}`. {result['machine']}, torch "
             f"{result['torch']}. What is measured: `benchmarks/pretraining.py`.", ""]  # fmt: skip
    if found := result["kills"]:
        lines += [
            f"{found['molecules']:,} molecules, {found['seconds']:.0f} s undisturbed, killed "
            f"{len(found['kills'])} times: {len(found['differing'])} of {found['files']} files "
            "differ.",
            "",
            "| kill | shards described | trained for a chunk or more |",
            "|---:|---:|---|",
        ]
        lines += [
            f"| {number} | {kill['shards']} | {'yes' if kill['trained'] else 'no'} |"
            for number, kill in enumerate(found["kills"], 1)
        ]
    if result["sizes"]:
        lines += [
            "",
            "| molecules | part | molecules/s | peak, MiB | largest of its workers, MiB |",
            "|---:|---|---:|---:|---:|",
        ]
        lines += [
            f"| {row['molecules']:,} | {part} "
            f"| {row[part].get('molecules', row['molecules']) / row[part]['seconds']:,.0f} "
            f"| {row[part]['peak_mib']:,.0f} "
            f"| {'' if part in OBJECTIVES else format(row[part]['worker_mib'], ',.0f')} |"
            for row in result["sizes"]
            for part in ("list", "describe", *OBJECTIVES)
            if part in row
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="moses")
    parser.add_argument("--molecules", type=int, default=100_000)
    parser.add_argument("--passes", type=float, default=2)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_500_000])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/pretraining.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = by_size(arguments, folder)
        kills = kill_runs(arguments, folder) if arguments.kills else {}
    machine = processor()
    if arguments.device != "cpu":
        machine = f"{torch.cuda.get_device_name()}, {machine}"
    result = {"run": " ".join(["python", "benchmarks/pretraining.py", *sys.argv[1:]]),
              "machine": machine, "torch": torch.__version__, "kills": kills,
              "sizes": sizes}  # fmt: skip
    write(result, markdown(result), arguments.out)
    if kills and kills["differing"]:
        sys.exit(f"differing: {kills['differing']}")


if __name__ == "__main__":
    main()
