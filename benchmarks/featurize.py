"""Molecules per second and memory: featurizing, descriptors, and `predict` end to end.

    python benchmarks/featurize.py [--rows 10000,100000,1000000] [--predict-rows 10000,100000]
        [--out results/benchmarks/featurize.json]

Lipophilicity's 4,200 molecules, all in one run, medians of rounds in turns. Graphs beside RDKit's
parsing alone and OGB's `smiles2graph`; descriptors beside RDKit's own in a plain loop and in a bare
pool of two processes (each with the start of its processes). `predict` is the command's own work
from file to file: three networks on graphs alone, and the default members with descriptors. Memory
is the peak of a process of its own: the store built from so many different molecules, and a file of
so many rows predicted. Writes JSON, and the same as Markdown beside it.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ogb.utils.mol import smiles2graph
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors
from report import processor, write

from rnc_graph import MoleculeRegressor
from rnc_graph.data import load_dataset
from rnc_graph.data.descriptors import descriptors as own_descriptors
from rnc_graph.data.features import molecule_features, stream_arrays
from rnc_graph.data.featurizer import TOGETHER, Wants, molecule_arrays
from rnc_graph.models import load_model
from rnc_graph.models.streaming import predict_file

ROUNDS = 3
CHUNK = 512
BARE = "RDKit in a loop, one process"


def chunks(smiles: list[str]) -> list[list[str]]:
    return [smiles[first : first + CHUNK] for first in range(0, len(smiles), CHUNK)]


def descriptors_of(smiles: list[str]) -> np.ndarray:
    with rdBase.BlockLogs():
        molecules = [Chem.MolFromSmiles(text) for text in smiles]
        return np.array(
            [list(Descriptors.CalcMolDescriptors(m, np.nan).values()) for m in molecules]
        )


def own_descriptors_of(smiles: list[str]) -> None:
    for first in range(0, len(smiles), TOGETHER):
        own_descriptors([Chem.MolFromSmiles(text) for text in smiles[first : first + TOGETHER]])


def in_a_pool(smiles: list[str]) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(descriptors_of, chunks(smiles))


def rates(ways: dict[str, Callable[[], object]], molecules: int) -> dict[str, float]:
    """Return molecules per second of each, the median of rounds in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begun)
    return {name: molecules / statistics.median(taken) for name, taken in seconds.items()}


def different(rows: int) -> list[str]:
    """Return so many different molecules: those of the set beside longer and longer chains."""
    known = load_dataset("lipophilicity").smiles
    return [
        "C" * (row // len(known)) + "." * (row >= len(known)) + known[row % len(known)]
        for row in range(rows)
    ]


def train(folder: Path, **options: Any) -> None:
    table = load_dataset("esol")
    model = MoleculeRegressor(epochs=1, pretraining_epochs=1, **options)
    model.fit(table.smiles, table.targets[:, 0]).save(folder)


def peak(work: str, *arguments: str) -> dict[str, float]:
    """Do a piece of work in a process of its own, and return its peak memory and its time."""
    done = subprocess.run(
        [sys.executable, __file__, "--work", work, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def work(arguments: list[str]) -> None:
    """Be the process of :func:`peak`."""
    what, rows, *rest = arguments
    begun = time.perf_counter()
    if what == "store":
        with tempfile.TemporaryDirectory() as cache:
            os.environ["RNC_GRAPH_CACHE"] = cache
            smiles = different(int(rows))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            begun = time.perf_counter()
            molecule_features(smiles, Wants(), jobs=2)
    else:
        model = load_model(Path(rest[0]))
        before = 0
        begun = time.perf_counter()
        predict_file(model, Path(rest[1]), Path(rest[1]).with_suffix(".out.csv"), jobs=2)
    seconds = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"MiB": memory / 1024, "MiB before": before / 1024, "seconds": seconds}))


def markdown(result: dict[str, Any]) -> str:
    graphs, descriptors, predict = (result[key] for key in ("graphs", "descriptors", "predict"))
    lines = [
        "# Featurizing and predicting",
        "",
        f"Made by `python benchmarks/featurize.py` on {result['processor']}.",
        "",
        "| graphs | molecules/s | times OGB |",
        "|---|---|---|",
        *(f"| {k} | {v:,.0f} | {v / graphs['OGB smiles2graph']:.1f} |" for k, v in graphs.items()),
        "",
        "| descriptors | molecules/s | times RDKit |",
        "|---|---|---|",
        *(f"| {k} | {v:,.0f} | {v / descriptors[BARE]:.1f} |" for k, v in descriptors.items()),
        "",
        "| `predict`, file to file, two processes | molecules/s |",
        "|---|---|",
        *(f"| {name} | {rate:,.0f} |" for name, rate in predict.items()),
        "",
        "| work | rows | peak of the process, MiB | s |",
        "|---|---|---|---|",
        *(
            f"| {row['work']} | {row['rows']:,} | {row['MiB']:,.0f}"
            + (f" ({row['MiB before']:,.0f} of it the SMILES)" if row["MiB before"] else "")
            + f" | {row['seconds']:.0f} |"
            for row in result["memory"]
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--predict-rows", default="10000,100000")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/featurize.json"))
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work)
        return
    smiles = load_dataset("lipophilicity").smiles
    long, some = smiles * 5, smiles[:1500]
    wants = Wants(descriptors=True)
    parse: Callable[[], object] = lambda: [Chem.MolFromSmiles(text) for text in smiles]  # noqa: E731
    graphs = rates(
        {
            "RDKit parsing alone": parse,
            "OGB smiles2graph": lambda: [smiles2graph(text) for text in smiles],
            "rnc_graph, one process": lambda: molecule_arrays(smiles, Wants()),
        },
        len(smiles),
    )
    graphs |= rates(
        {"rnc_graph, two processes": lambda: list(stream_arrays(chunks(long), Wants(), 2))},
        len(long),
    )
    descriptors = rates(
        {
            BARE: lambda: descriptors_of(some),
            "the descriptors of rnc_graph alone": lambda: own_descriptors_of(some),
            "rnc_graph, one process": lambda: molecule_arrays(some, wants),
            "RDKit in a bare pool of two": lambda: in_a_pool(some),
            "rnc_graph, two processes": lambda: list(stream_arrays(chunks(some), wants, 2)),
        },
        len(some),
    )
    memory = [
        {"work": "store", "rows": int(rows), **peak("store", rows)}
        for rows in arguments.rows.split(",")
    ]
    with tempfile.TemporaryDirectory() as folder:
        plain, full = Path(folder) / "plain", Path(folder) / "full"
        train(plain, descriptors=False)
        train(full)
        predict = {}
        for rows in map(int, arguments.predict_rows.split(",")):
            table = Path(folder) / f"{rows}.csv"
            table.write_text("\n".join(["smiles", *different(rows)]) + "\n")
            found = peak("predict", str(rows), str(plain), str(table))
            memory.append({"work": "predict, graphs alone", "rows": rows, **found})
            predict["three networks on graphs alone"] = rows / found["seconds"]
        table = Path(folder) / "set.csv"
        table.write_text("\n".join(["smiles", *smiles]) + "\n")
        found = peak("predict", str(len(smiles)), str(full), str(table))
        predict["the default, with descriptors"] = len(smiles) / found["seconds"]
    result = {
        "processor": processor(),
        "graphs": graphs,
        "descriptors": descriptors,
        "predict": predict,
        "memory": memory,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
